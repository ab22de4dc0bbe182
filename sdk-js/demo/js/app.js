/** As a single-page app: one document, whose address follows what it shows. */
import { frame, show } from './frame.js';
import { viewOf } from './views.js';

const BASE = '/app';
let opening = 0;

async function draw() {
  const { pathname, search } = location;
  const path = pathname.slice(BASE.length) || '/';
  const mine = ++opening;
  if (path == '/workshop') {
    show({ title: 'The workshop', html: '<p class="lead waiting">Opening the workshop</p>' });
    await fetch('/slow.json').catch(() => undefined);
    if (mine != opening) return; // the visitor has gone on
  }
  show(viewOf(BASE, path, new URLSearchParams(search)));
}

function go(path) {
  history.pushState(null, '', BASE + path);
  void draw();
  scrollTo(0, 0);
}

frame(BASE, go, () => void draw());
document.addEventListener('click', (event) => {
  const link = event.target.closest('a');
  const plain = !event.button && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  if (!link || !plain || link.origin != location.origin || !link.pathname.startsWith(BASE + '/') || link.hash) return;
  event.preventDefault();
  go(link.pathname.slice(BASE.length) + link.search);
});
document.addEventListener('submit', (event) => {
  const form = event.target;
  if (form.dataset.action) return;
  event.preventDefault();
  go('/search?' + new URLSearchParams(new FormData(form)));
});
addEventListener('popstate', () => void draw());
void draw();
