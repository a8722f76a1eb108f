// Which categories you follow, as chips that are on or off.
import { $, el, toast } from './dom.js';
import { call } from './api.js';
import { t, categoryName, onLanguage } from './language.js';
import { categories } from './text.js';
import { slugOf, isSlug } from './register.js';

let followed = new Set();
let others = []; // categories that are not among ours, in the order they came
const busy = new Set(); // categories whose change is on its way
let changed = () => {};

export const following = () => [...followed];

function draw() {
  const all = [...Object.keys(categories), ...others];
  const had = document.activeElement?.closest('#chips button')?.dataset.category;
  $('#chips').replaceChildren(...all.map((slug) => {
    const chip = el('button', { type: 'button', class: 'chip', 'data-category': slug, 'aria-pressed': followed.has(slug) }, categoryName(slug));
    chip.addEventListener('click', () => toggle(slug));
    return chip;
  }));
  if (had) [...$('#chips').children].find((chip) => chip.dataset.category === had)?.focus();
  $('#follow-count').textContent = followed.size ? t('following', { n: followed.size }) : '';
}

function mark(slug, on) {
  if (!categories[slug] && !others.includes(slug)) others.push(slug);
  if (on) followed.add(slug);
  else followed.delete(slug);
}

// toggle shows the wish at once and takes it back if the server does not agree.
async function toggle(slug, on = !followed.has(slug)) {
  if (busy.has(slug)) return;
  busy.add(slug);
  mark(slug, on);
  draw();
  try {
    await call(on ? 'PUT' : 'DELETE', `/interests/categories/${encodeURIComponent(slug)}`);
    $('#announce').textContent = t(on ? 'followed' : 'unfollowed', { category: categoryName(slug) });
    changed();
  } catch (err) {
    mark(slug, !on);
    draw();
    toast(t('notDone', { why: err.message }));
  } finally {
    busy.delete(slug);
  }
}

export function forgetFollowed() {
  followed = new Set();
  others = [];
  busy.clear();
  draw();
}

export async function loadFollowed() {
  forgetFollowed();
  try {
    const { categories: mine } = await call('GET', '/interests');
    for (const { category } of mine) mark(category, true);
    draw();
  } catch (err) {
    if (err.status !== 401) toast(err.message);
  }
}

export function startFollow(onChange) {
  changed = onChange;
  onLanguage(draw);
  $('#follow-other').addEventListener('submit', (event) => {
    event.preventDefault();
    const slug = slugOf($('#other').value);
    if (!isSlug(slug)) return toast(t('badCategory'));
    $('#other').value = '';
    toggle(slug, true);
  });
}
