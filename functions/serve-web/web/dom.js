// The few helpers all modules share. Text becomes text nodes, never markup.
export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => root.querySelectorAll(selector);

function build(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

export const el = (name, attributes = {}, ...children) => build(document.createElement(name), attributes, children);
export const svg = (name, attributes = {}, ...children) =>
  build(document.createElementNS('http://www.w3.org/2000/svg', name), attributes, children);
export const icon = (id) => svg('svg', { 'aria-hidden': 'true' }, svg('use', { href: `#${id}` }));

// Storage may be refused by the browser; then choices last as long as the page.
export function keep(key, value) {
  try { localStorage.setItem(`somssi.${key}`, value); } catch { /* see above */ }
}

export function recall(key) {
  try { return localStorage.getItem(`somssi.${key}`); } catch { return null; }
}

let hide;
export function toast(text) {
  const node = $('#toast');
  node.textContent = text;
  node.classList.add('shown');
  clearTimeout(hide);
  hide = setTimeout(() => node.classList.remove('shown'), 5000);
}
