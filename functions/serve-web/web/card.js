// One notification as a card. The words of sellers are text, whatever they look like.
import { $, el, icon } from './dom.js';
import { t, ago, price, moment, categoryName } from './language.js';
import { categories } from './text.js';

const CORDS = 5;

// cordOf gives a category the same colour everywhere; unknown ones get one, too.
function cordOf(category) {
  const known = Object.keys(categories).indexOf(category);
  const n = known >= 0 ? known : [...category].reduce((sum, c) => sum + c.codePointAt(0), 0);
  return `cord-${n % CORDS}`;
}

// fill writes item into the card, keeping the nodes that may have the focus.
export function fill(card, item) {
  const at = new Date(item.at);
  card.dataset.id = item.id;
  card.className = `card ${cordOf(item.category)}${item.read ? '' : ' unread'}${card.classList.contains('fresh') ? ' fresh' : ''}`;
  const time = el('time', { datetime: item.at, title: moment(at) }, ago(at));
  $('.open', card).replaceChildren(
    el('span', { class: 'mark' }, icon('knot')),
    el('span', { class: 'what' },
      el('span', { class: 'title', dir: 'auto' }, item.title),
      el('span', { class: 'facts' },
        el('span', { class: 'category' }, categoryName(item.category)), el('span', { class: 'price' }, price(item.priceKrw)), time),
      el('span', { class: 'details' }, t('details', { talent: String(item.talentId), seller: String(item.sellerId), moment: moment(at) }))),
    ...(item.read ? [] : [el('span', { class: 'dot' }, el('span', { class: 'unseen' }, t('unread')))]),
  );
  $('.archive', card).setAttribute('aria-label', t('archive', { title: item.title }));
  return card;
}

export const newCard = (item) => fill(el('li', {},
  el('button', { type: 'button', class: 'open', 'aria-expanded': 'false' }),
  el('button', { type: 'button', class: 'archive' }, icon('box'))), item);

export const tick = (card, item) => { $('time', card).textContent = ago(new Date(item.at)); };
