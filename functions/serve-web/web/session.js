// Who you are. In development a number is enough; in production the picker
// does not exist and the session comes from elsewhere.
import { $, $$, el, keep, recall, toast } from './dom.js';
import { call, forgetCalls, onSignedOut } from './api.js';
import { t, onLanguage } from './language.js';

const PICKS = [1, 2, 3, 4, 5];
let user = null; // the number chosen, if any
let signedIn = false;
let production = false;

export const canChoose = () => !production;

function draw() {
  $('#who').hidden = production && signedIn;
  $('#who').classList.toggle('asking', !production && !signedIn);
  $('#user-form').hidden = $('#who .note').hidden = production;
  if (signedIn) $('#who-state').textContent = t('youAre', { user: String(user) });
  else $('#who-state').textContent = t(production ? 'signedOut' : 'chooseYou');
  for (const pick of $$('#picks button')) pick.setAttribute('aria-pressed', String(signedIn && pick.value === String(user)));
}

// startSession remembers the last choice; changed is called when there is a
// session, lost when there is none (any more).
export function startSession({ changed, lost }) {
  function enter(number) {
    user = number;
    signedIn = true;
    $('main').inert = false;
    if (user) $('#user').value = user;
    draw();
    changed();
  }

  function leave() {
    signedIn = false;
    $('main').inert = false;
    draw();
    lost();
  }

  // become with no number only asks whether there is a choice at all: the
  // development issuer refuses it, in production nobody answers there. Then
  // the session may still be good; the first call of ours tells.
  async function become(number) {
    forgetCalls();
    $('main').inert = true; // nothing is done in between, as neither the one nor the other
    try {
      await call('POST', '/dev/token', { body: number && { user: number } });
      if (!number) return leave();
      keep('user', number);
      enter(number);
    } catch (err) {
      production = err.status === 404 || err.status === 405;
      if (production) return enter(null);
      if (number) toast(t('notDone', { why: err.message }));
      leave();
    }
  }

  for (const n of PICKS) {
    const pick = el('button', { type: 'button', class: 'chip', value: n }, String(n));
    pick.addEventListener('click', () => become(n));
    $('#picks').append(pick);
  }
  $('#user-form').addEventListener('submit', (event) => {
    event.preventDefault();
    const number = $('#user').valueAsNumber;
    if (Number.isSafeInteger(number) && number > 0) become(number);
    else toast(t('badUser'));
  });
  // All tabs share one cookie, so all tabs are the same user.
  addEventListener('storage', (event) => {
    if (event.key !== 'somssi.user' || !(Number(event.newValue) > 0)) return;
    forgetCalls();
    enter(Number(event.newValue));
  });
  onSignedOut(() => { if (signedIn) leave(); });
  onLanguage(draw);
  become(Number(recall('user')) || undefined);
}
