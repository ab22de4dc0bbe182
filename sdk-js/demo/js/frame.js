/** What is around every page: head, foot and what the buttons do. */
import { categories, count, currency, empty, itemOf, lines, productOf, put, total } from './goods.js';
import { consent } from './consent.js';

const other = (base) => (base ? ['/', 'Page by page'] : ['/app/', 'As an app']);

function header(base) {
  return `<a class="skip" href="#main">To the content</a>
    <a class="brand" href="${base}/"><img src="/icon.svg" alt="" width="28" height="28"> Tidewood</a>
    <nav aria-label="Goods">${categories.map(({ id, name }) => `<a href="${base}/c/${id}">${name}</a>`).join('')}</nav>
    <form class="search" role="search" action="${base}/search"><input type="search" name="q" placeholder="Search" aria-label="Search" maxlength="60"></form>
    <a class="cart" href="${base}/cart" aria-label="Cart">Cart <b id="count"></b></a>`;
}

function footer(base) {
  const [address, name] = other(base);
  return `<form class="letter" id="newsletter" data-action="letter" data-footfall-event="newsletter" data-footfall-prop-place="footer">
      <label>A letter, four times a year <input type="email" name="email" placeholder="you@example.com" required></label><button class="plain">Subscribe</button></form>
    <ul><li><a href="${base}/workshop">The workshop</a> (slow)</li><li><a href="${base}/studio">The studio</a> (broken)</li>
      <li><a href="/care.txt" download>Care of wood</a></li><li><a href="https://example.org/wood" rel="noopener">On wood</a></li>
      <li><a href="${address}">${name}</a></li><li><button class="link" type="button" data-action="consent">Privacy choices</button></li></ul>
    <p>Tidewood is made up, to show what <b>Footfall</b> sees of a shop. What you type stays in your browser.</p>`;
}

function say(text) {
  const toast = document.getElementById('toast');
  toast.textContent = text;
  toast.classList.add('shown');
  setTimeout(() => toast.classList.remove('shown'), 2500);
}

const sum = () => Math.round(total() * 100) / 100;
const goods = () => lines().map(([product, many]) => itemOf(product, many));

/** What forms and buttons do, by `data-action`; a button without one does nothing. */
function actions(go, redraw) {
  return {
    add(form) {
      const many = Number(form.elements.quantity.value);
      const product = productOf(form.dataset.product);
      put(product.id, many);
      footfall('addToCart', itemOf(product, many));
      say(`${product.name} is in the cart`);
    },
    more({ dataset }) {
      put(dataset.product, 1);
      footfall('addToCart', itemOf(productOf(dataset.product)));
      redraw();
    },
    less({ dataset }) {
      put(dataset.product, -1);
      footfall('removeFromCart', itemOf(productOf(dataset.product)));
      redraw();
    },
    buy() {
      const order_id = 'T' + Date.now().toString(36) + Math.random().toString(36).slice(2, 6);
      footfall('purchase', { order_id, revenue: sum(), currency, items: goods() });
      empty();
      go('/thanks');
    },
    letter(form) {
      form.reset();
      say('We would write, if we were not made up');
    },
    consent: () => consent(true),
    throw() {
      const chair = undefined;
      chair.paint('green');
    },
    reject() {
      void Promise.reject(new Error('The colours could not be saved'));
    },
  };
}

/** Errors beside their fields, in place of the browser's bubbles. */
function explainInvalid(event) {
  const field = event.target;
  const told = document.getElementById(field.getAttribute('aria-describedby'));
  if (!told) return;
  event.preventDefault();
  told.textContent = field.title && field.validity.patternMismatch ? field.title : field.validationMessage;
  field.setAttribute('aria-invalid', 'true');
  field.form.querySelector(':invalid')?.focus();
}

function explainValid({ target: field }) {
  const told = document.getElementById(field.getAttribute?.('aria-describedby'));
  if (!told || !field.validity.valid) return;
  told.textContent = '';
  field.removeAttribute('aria-invalid');
}

/** `base`: the half of the shop; `go(path)` opens a page of it, `redraw()` the one in view again. */
export function frame(base, go, redraw) {
  const act = actions(go, redraw);
  document.body.insertAdjacentHTML(
    'afterbegin',
    `<header>${header(base)}</header><main id="main" tabindex="-1"></main><footer>${footer(base)}</footer><div id="toast" role="status"></div>`,
  );
  const tell = () => (document.getElementById('count').textContent = count() || '');
  tell();
  document.addEventListener('cart', tell);
  document.addEventListener('submit', (event) => {
    const { action } = event.target.dataset;
    if (!action) return;
    event.preventDefault();
    act[action](event.target);
  });
  document.addEventListener('click', (event) => {
    const pressed = event.target.closest('button[data-action]');
    if (pressed) act[pressed.dataset.action](pressed);
  });
  document.addEventListener('invalid', explainInvalid, true);
  document.addEventListener('input', explainValid);
  consent(false);
}

/** Puts a page into the frame. */
export function show({ title, html }) {
  document.title = `${title} - Tidewood`;
  document.getElementById('main').innerHTML = html;
  if (document.getElementById('checkout'))
    footfall('checkoutStep', { step: 'address', revenue: sum(), currency }, goods());
}
