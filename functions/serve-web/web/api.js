// Calls to the server: JSON in and out, and whatever is not OK is a Problem.
import { t } from './language.js';

// Problem is an answer that is not OK, or none at all (status 0).
export class Problem extends Error {
  constructor(status, { title, detail, errors } = {}) {
    const words = { 0: t('offline'), 401: t('signedOut') };
    super(words[status] ?? (detail || title || t('broken', { status })));
    this.status = status;
    this.fields = Array.isArray(errors) ? errors : [];
    this.passing = status === 0 || status === 503; // the same call may well succeed later
  }
}

let current = new AbortController();
let signedOut = () => {};

export const onSignedOut = (listener) => { signedOut = listener; };

// forgetCalls belongs to a change of user: no call of the user before is
// answered any more, so nothing of theirs can appear on the page of the next.
export function forgetCalls() {
  current.abort();
  current = new AbortController();
}

const never = new Promise(() => {});

async function once(path, init) {
  const answer = await fetch(path, init);
  if (!answer.ok) throw new Problem(answer.status, await answer.json().catch(() => null) ?? {});
  return answer.status === 204 ? null : answer.json();
}

// call tries again after each of waits (seconds) what may pass, and says so to
// waiting; only for calls that may be made twice.
export async function call(method, path, { body, headers, waits = [], waiting } = {}) {
  const { signal } = current;
  const init = { method, signal, headers };
  if (body !== undefined) Object.assign(init, { headers: { 'Content-Type': 'application/json', ...headers }, body: JSON.stringify(body) });
  for (let tries = 0; ; tries++) {
    try {
      const out = await once(path, init);
      return signal.aborted ? never : out;
    } catch (err) {
      if (signal.aborted) return never;
      const problem = err instanceof Problem ? err : new Problem(0);
      if (problem.status === 401) signedOut();
      if (!problem.passing || tries === waits.length) throw problem;
    }
    waiting(waits[tries]);
    await new Promise((done) => setTimeout(done, waits[tries] * 1000));
  }
}
