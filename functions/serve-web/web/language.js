// The language chosen, and everything that depends on it: words, numbers, times.
import { texts, categories } from './text.js';
import { $, $$, recall, keep } from './dom.js';

const listeners = [];
let language = recall('language') ?? (navigator.language.startsWith('ko') ? 'ko' : 'en');
if (!texts[language]) language = 'en';

export function t(key, values = {}) {
  let text = texts[language][key] ?? key;
  if (typeof text === 'object') text = text[new Intl.PluralRules(language).select(values.n)];
  return text.replace(/\{(\w+)\}/g, (_, name) => (typeof values[name] === 'number' ? number(values[name]) : values[name] ?? ''));
}

// onLanguage calls draw whenever the words must be written anew.
export const onLanguage = (draw) => listeners.push(draw);

export const number = (n) => new Intl.NumberFormat(language).format(n);
export const list = (words) => new Intl.ListFormat(language, { type: 'disjunction' }).format(words);
export const categoryName = (slug) => categories[slug]?.[language] ?? slug;

export function price(krw) {
  if (krw === 0) return t('free');
  return language === 'ko' ? `${number(krw)}원` : `₩${number(krw)}`;
}

export const moment = (date) => new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' }).format(date);
export const clock = (date) => new Intl.DateTimeFormat(language, { hour: 'numeric', minute: '2-digit' }).format(date);

// ago says the time as people do; a clock a little ahead of ours is just now, too.
export function ago(date) {
  const minutes = Math.floor((Date.now() - date) / 60_000);
  if (minutes < 1) return t('justNow');
  const relative = new Intl.RelativeTimeFormat(language, { numeric: 'auto', style: 'short' });
  if (minutes < 60) return relative.format(-minutes, 'minute');
  if (minutes < 24 * 60) return relative.format(-Math.floor(minutes / 60), 'hour');
  if (minutes < 7 * 24 * 60) return relative.format(-Math.floor(minutes / (24 * 60)), 'day');
  return new Intl.DateTimeFormat(language, { dateStyle: 'medium' }).format(date);
}

function draw() {
  document.documentElement.lang = language;
  for (const node of $$('[data-text]')) node.textContent = t(node.dataset.text);
  for (const node of $$('[data-label]')) node.setAttribute('aria-label', t(node.dataset.label));
  for (const node of $$('[data-placeholder]')) node.placeholder = t(node.dataset.placeholder);
  const other = language === 'ko' ? 'en' : 'ko';
  $('#language').textContent = other === 'ko' ? '한국어' : 'English';
  $('#language').lang = other;
  for (const listener of listeners) listener();
}

export function startLanguage() {
  $('#language').addEventListener('click', () => {
    language = language === 'ko' ? 'en' : 'ko';
    keep('language', language);
    draw();
  });
  draw();
}
