// The inbox: cards, newest first, from pages of the server and from the stream.
import { $, el, toast } from './dom.js';
import { call } from './api.js';
import { t, list as listed, onLanguage, categoryName } from './language.js';
import { newCard, fill, tick } from './card.js';
import { setBadge, setNewest, forgetTold } from './seen.js';
import { following } from './follow.js';
import { canChoose } from './session.js';

const cards = new Map(); // id → {item, node}, the nodes being those of the list
const MANY = 300; // cards; past it the list begins anew, for a page may stay open for days

const list = $('#cards');
const more = $('#more');
let next = null; // cursor of the page after
let state = 'loading'; // or ready, failed, out
let problem = null;
let loads = 0; // numbers the loads; an older one that comes late is dropped
let during = null; // what changed while a page was on its way, to be done over it again

const newerFirst = (a, b) => Date.parse(b.at) - Date.parse(a.at) || (BigInt(b.id) > BigInt(a.id) ? 1 : -1);

function put(item) {
  const had = cards.get(item.id);
  const node = had ? fill(had.node, item) : newCard(item);
  cards.set(item.id, { item, node });
  const focus = node.contains(document.activeElement) ? document.activeElement : null;
  const after = [...list.children].find((other) => other !== node && newerFirst(item, cards.get(other.dataset.id).item) < 0) ?? null;
  if (!had || node.nextElementSibling !== after) list.insertBefore(node, after);
  focus?.focus();
  return node;
}

function drop(id) {
  const node = cards.get(id)?.node;
  if (!node) return;
  const neighbour = node.nextElementSibling ?? node.previousElementSibling;
  const hadFocus = node.contains(document.activeElement);
  cards.delete(id);
  node.remove();
  if (hadFocus) (neighbour ? $('.open', neighbour) : $('#inbox')).focus();
}

// change does what happened to the inbox, now and over any page that is on its way.
function change(act) {
  during?.push(act);
  act();
  draw();
}

function draw() {
  more.hidden = !next || state !== 'ready';
  list.setAttribute('aria-busy', String(state === 'loading'));
  setNewest(list.firstElementChild ? cards.get(list.firstElementChild.dataset.id).item.at : null);
  const box = $('#inbox-state');
  box.hidden = state === 'ready' && cards.size > 0;
  box.dataset.state = state;
  if (!box.hidden) box.replaceChildren(...message());
}

function message() {
  const lines = (title, help, ...rest) => [el('p', { class: 'big' }, t(title)), el('p', {}, help), ...rest];
  if (state === 'loading') return [el('p', { class: 'unseen' }, t('loading')), ...[1, 2, 3].map(() => el('div', { class: 'skeleton' }))];
  if (state === 'out') return lines('out', t(canChoose() ? 'outChoose' : 'outHelp'));
  if (state === 'failed') {
    const retry = el('button', { type: 'button', class: 'quiet' }, t('tryAgain'));
    retry.addEventListener('click', () => { loadInbox(); $('#inbox').focus(); });
    return lines('failed', problem.message, retry);
  }
  if (!following().length) return lines('emptyNoFollow', t('emptyNoFollowHelp'), el('a', { href: '#follow', class: 'strong' }, t('chooseCategories')));
  return lines('empty', t('emptyHelp', { list: listed(following().slice(0, 3).map(categoryName)) }));
}

export { draw as drawInbox };

export function clearInbox(now) {
  loads++;
  cards.clear();
  list.replaceChildren();
  next = null;
  during = null;
  state = now;
  setBadge(0);
  draw();
}

async function load(query, begin) {
  const mine = ++loads;
  during = [];
  if (state !== 'ready') state = 'loading';
  draw();
  try {
    const page = await call('GET', `/inbox?limit=20${query}`);
    if (mine !== loads) return;
    begin(page);
    page.items.forEach(put);
    next = page.next ?? null;
    state = 'ready';
    for (const act of during) act();
  } catch (err) {
    if (mine !== loads || err.status === 401) return;
    problem = err;
    if (state === 'ready') toast(err.message); // what is shown may be old, but is better than nothing
    else state = 'failed';
  }
  during = null;
  draw();
}

// loadInbox makes the list what the server says, touching only what differs.
export const loadInbox = () => load('', (page) => {
  const ids = new Set(page.items.map((item) => item.id));
  for (const id of [...cards.keys()]) if (!ids.has(id)) drop(id);
  forgetTold();
  setBadge(page.badge);
});

async function loadMore() {
  if (during) return;
  const last = list.lastElementChild;
  await load(`&cursor=${encodeURIComponent(next)}`, () => {});
  if (!next) $('.open', last.nextElementSibling ?? last).focus(); // the button goes, the reader stays
}

// wish does at once what the user wants, and undoes it if the server does not agree.
async function wish(path, act, undo) {
  change(act);
  try {
    await call('POST', path);
  } catch (err) {
    change(undo);
    toast(t('notDone', { why: err.message }));
  }
}

function markRead(id) {
  if (cards.get(id).item.read) return;
  const mark = (read) => () => { if (cards.has(id)) put({ ...cards.get(id).item, read }); };
  wish(`/inbox/${id}/read`, mark(true), mark(false));
}

function archive(id) {
  const { item } = cards.get(id);
  wish(`/inbox/${id}/archive`, () => drop(id), () => put(item));
}

let arrived = []; // titles not yet read out: a burst is said as a number
function announce(title) {
  arrived.push(title);
  if (arrived.length > 1) return;
  setTimeout(() => {
    const [first, ...others] = arrived;
    arrived = [];
    $('#announce').textContent = others.length ? t('arrivedMany', { n: others.length + 1 }) : t('arrived', { title: first });
  }, 1000);
}

// What the stream says.
export function arrive(item) {
  const had = cards.get(item.id)?.item;
  change(() => put({ ...item, read: had?.read ?? false })); // the stream does not say: it is the same for all
  if (had && had.title === item.title && had.priceKrw === item.priceKrw) return;
  const { node } = cards.get(item.id);
  node.classList.add('fresh');
  setTimeout(() => node.classList.remove('fresh'), 4000);
  announce(item.title);
  if (cards.size > MANY) loadInbox();
}

export const withdraw = ({ id }) => change(() => drop(id));

export function startInbox() {
  list.addEventListener('click', (event) => {
    const card = event.target.closest('[data-id]');
    if (!card) return;
    if (event.target.closest('.archive')) return archive(card.dataset.id);
    const open = $('.open', card);
    open.setAttribute('aria-expanded', String(open.getAttribute('aria-expanded') !== 'true'));
    markRead(card.dataset.id);
  });
  more.addEventListener('click', loadMore);
  setInterval(() => { for (const { item, node } of cards.values()) tick(node, item); }, 20_000);
  addEventListener('online', () => { if (state === 'failed') loadInbox(); });
  onLanguage(() => {
    for (const { item, node } of cards.values()) fill(node, item);
    draw();
  });
}
