// The form that registers a talent.
import { $, $$, el } from './dom.js';
import { call } from './api.js';
import { t, categoryName, onLanguage } from './language.js';
import { categories } from './text.js';

const WAITS = [1, 2, 4]; // seconds before each further try

const form = $('#register-form');
let key = null; // names one submission; kept until it is through or the form says something else
let sending = false;
let draw = () => {}; // writes the result in the language of the moment

// slugOf takes the slug itself, or the name people know the category by.
export function slugOf(text) {
  const said = text.trim().toLowerCase();
  const known = Object.entries(categories).find(([, names]) => Object.values(names).some((name) => name.toLowerCase() === said));
  return known ? known[0] : said;
}

export const isSlug = (text) => /^[a-z0-9-]{1,64}$/.test(text);

const length = (text) => [...text].length; // as the server counts: an emoji is not two

function read() {
  const price = form.priceKrw.value.replace(/[,\s₩원]/g, '');
  return {
    category: slugOf(form.category.value),
    title: form.elements.title.value.trim(),
    priceKrw: /^\d{1,12}$/.test(price) ? Number(price) : NaN,
    tags: form.tags.value.split(',').map((tag) => tag.trim()).filter(Boolean),
  };
}

function faults({ category, title, priceKrw, tags }) {
  return [
    !isSlug(category) && { field: 'category', reason: t('badCategory') },
    (!title || length(title) > 120) && { field: 'title', reason: t('badTitle') },
    !(priceKrw <= 1_000_000_000) && { field: 'priceKrw', reason: t('badPrice') },
    (tags.length > 10 || tags.some((tag) => length(tag) > 30)) && { field: 'tags', reason: t('badTags') },
  ].filter(Boolean);
}

// showFaults writes each reason beside its field and answers those of no field.
function showFaults(list) {
  for (const node of $$('.error', form)) node.textContent = '';
  for (const node of $$('input', form)) node.removeAttribute('aria-invalid');
  const elsewhere = [];
  for (const { field, reason } of list) {
    const name = String(field).replace(/[[./].*/, ''); // tags[3] is said at tags
    const node = document.getElementById(`${name}-error`);
    if (!node || !form.contains(node)) { elsewhere.push(`${field}: ${reason}`); continue; }
    node.textContent = [node.textContent, reason].filter(Boolean).join(' ');
    form.elements[name].setAttribute('aria-invalid', 'true');
  }
  $('[aria-invalid]', form)?.focus();
  return elsewhere;
}

function say(state, write) {
  $('#register-state').dataset.state = state;
  draw = () => { $('#register-state').textContent = write(); };
  draw();
}

async function submit(event) {
  event.preventDefault();
  if (sending) return;
  const talent = read();
  const wrong = faults(talent);
  showFaults(wrong);
  if (wrong.length) return say('error', () => t('sendRefused'));

  key ??= [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  busy(true);
  say('waiting', () => t('sending'));
  try {
    const { talentId } = await call('POST', '/talents', {
      body: talent, headers: { 'Idempotency-Key': key },
      waits: WAITS, waiting: (n) => say('waiting', () => t('sendAgain', { n })),
    });
    form.reset();
    key = null;
    say('done', () => t('sent', { talent: String(talentId) }));
  } catch (err) {
    const rest = showFaults(err.fields);
    say('error', () => (err.passing ? t('sendGaveUp') : [err.message, ...rest].join(' ')));
  } finally {
    busy(false);
  }
}

function busy(is) {
  sending = is;
  $('#register-send').setAttribute('aria-disabled', String(is)); // not disabled, which would lose the focus
  for (const input of $$('input', form)) input.readOnly = is; // what is sent again is what was sent
}

// forgetSubmission belongs to a change of user: what the one sent is not sent again by the other.
export function forgetSubmission() {
  key = null;
  busy(false);
  showFaults([]);
  say('', () => '');
}

export function startRegister() {
  form.addEventListener('submit', submit);
  form.addEventListener('input', (event) => {
    key = null;
    event.target.removeAttribute('aria-invalid');
    document.getElementById(`${event.target.name}-error`).textContent = '';
  });
  onLanguage(() => {
    $('#categories').replaceChildren(...Object.keys(categories).map((slug) => el('option', { value: slug, label: categoryName(slug) })));
    draw();
  });
}
