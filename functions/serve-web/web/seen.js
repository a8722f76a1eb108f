// The badge, and telling the server that the inbox has been looked at.
import { $ } from './dom.js';
import { call } from './api.js';
import { t, number, onLanguage } from './language.js';

const LOOK = 1000; // ms on screen that count as having looked

let badge = 0;
let newest = null; // at of the newest item shown
let told = null; // up to where the server knows
let onScreen = false;
let timer = null;

export function setBadge(n) {
  badge = n;
  draw();
  watch();
}

export function setNewest(at) {
  newest = at;
  watch();
}

// forgetTold belongs to a page newly loaded: the server knows better.
export const forgetTold = () => { told = null; };

function draw() {
  const short = badge > 99 ? `${number(99)}+` : number(badge);
  $('#badge').textContent = short;
  $('#badge').dataset.count = badge;
  $('#badge').title = t('newCount', { n: badge });
  document.title = `${badge ? `(${short}) ` : ''}솜씨 Somssi`;
}

function watch() {
  const looking = onScreen && !document.hidden && badge > 0 && newest && newest !== told;
  if (!looking) {
    clearTimeout(timer);
    timer = null;
  } else timer ??= setTimeout(tell, LOOK);
}

async function tell() {
  timer = null;
  const upTo = told = newest;
  try {
    await call('POST', '/inbox/seen', { body: { upTo } });
    if (newest === upTo) setBadge(0);
  } catch {
    told = null; // told again with the next thing that happens
  }
}

export function startSeen() {
  onLanguage(draw);
  document.addEventListener('visibilitychange', watch);
  // The head, not the list: new items are below it, and a reader far down has not seen them.
  new IntersectionObserver(([entry]) => {
    onScreen = entry.isIntersecting;
    watch();
  }).observe($('#inbox .head'));
}
