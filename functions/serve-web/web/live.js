// The stream that keeps the inbox live.
import { $ } from './dom.js';
import { t, onLanguage } from './language.js';

const LONGEST = 30_000;

let source = null;
let again = null;
let wait = 1000;
let on = {};

function show(state) {
  $('#live').dataset.state = state;
  $('#live').textContent = t(`live-${state}`);
}

export function closeLive() {
  source?.close();
  source = null;
  clearTimeout(again);
  show('off');
}

// openLive begins a new stream. The browser mends a broken one by itself and
// says where it was; where it gave up, and where it was is lost, we begin anew
// and on.opened reloads what may have been missed.
export function openLive() {
  closeLive();
  show('connecting');
  const stream = source = new EventSource('/inbox/stream');
  let opened = false;
  stream.onopen = () => {
    wait = 1000;
    show('open');
    if (!opened) on.opened();
    opened = true;
  };
  stream.onerror = () => {
    show('connecting');
    if (stream.readyState !== EventSource.CLOSED) return;
    again = setTimeout(openLive, wait);
    wait = Math.min(wait * 2, LONGEST);
    on.refused(); // the stream does not tell why; a call does
  };
  for (const kind of ['notification', 'withdrawn', 'badge']) {
    stream.addEventListener(kind, (event) => on[kind](JSON.parse(event.data)));
  }
  stream.addEventListener('reset', () => on.reset());
}

export function startLive(handlers) {
  on = handlers;
  onLanguage(() => show($('#live').dataset.state));
  addEventListener('online', () => { if (source?.readyState === EventSource.CLOSED) openLive(); });
}
