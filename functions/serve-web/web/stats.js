// Statistics, asked for every few seconds while somebody can see them.
import { $, el, svg } from './dom.js';
import { call } from './api.js';
import { t, number, clock, categoryName, onLanguage } from './language.js';

const EVERY = 5000;
const TOP = 5;
const HEIGHT = 72;

let stats = null;
let at = null; // when stats came
let failed = false;

function drawChart(minutes) {
  const most = Math.max(1, ...minutes.map((m) => m.talents));
  const sum = minutes.reduce((n, m) => n + m.talents, 0);
  $('#stats-hour').textContent = number(sum);
  $('#chart').setAttribute('aria-label', t('chart', { n: sum, most: sum ? most : 0 }));
  $('#chart').replaceChildren(...minutes.map(({ minute, talents }, i) => {
    const height = talents ? 6 + (HEIGHT - 6) * (talents / most) : 2; // a quiet minute is a minute, too
    const bar = svg('rect', { x: i * 6, y: HEIGHT - height, width: 4, height, rx: talents ? 2 : 1, class: talents ? 'bar' : 'bar none' });
    bar.append(svg('title', {}, t('minute', { time: clock(new Date(minute)), n: talents })));
    return bar;
  }));
}

function drawTop(byCategory) {
  const top = Object.entries(byCategory).filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, TOP);
  $('#top').replaceChildren(...top.map(([category, n]) => {
    const bar = el('span', { class: 'share', 'aria-hidden': 'true' });
    bar.style.setProperty('--share', n / top[0][1]); // by script: the policy allows no style in markup
    return el('li', {}, el('span', { class: 'name' }, categoryName(category)), bar, el('span', { class: 'count' }, number(n)));
  }));
  if (!top.length) $('#top').append(el('li', { class: 'note' }, t('noTalents')));
}

function draw() {
  if (stats) {
    $('#stats-total').textContent = number(stats.talents);
    drawChart(stats.perMinute ?? []);
    drawTop(stats.byCategory ?? {});
  }
  $('#stats-state').textContent = !failed ? '' : stats ? t('statsFailed', { time: clock(at) }) : t('noStats');
}

async function poll() {
  if (document.hidden) return;
  const before = JSON.stringify([stats, failed]);
  try {
    stats = await call('GET', '/stats');
    at = new Date();
    failed = false;
  } catch {
    failed = true;
  }
  if (JSON.stringify([stats, failed]) !== before) draw(); // drawing the same again would close a tooltip that is being read
}

export function startStats() {
  onLanguage(draw);
  setInterval(poll, EVERY);
  document.addEventListener('visibilitychange', poll);
  poll();
}
