/** The pages, for both halves of the shop: path -> title and HTML. */
import { categories, categoryOf, find, lines, money, productOf, products, total } from './goods.js';
import { picture } from './pictures.js';

const MARKS = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
/** Text that a visitor or an address brought, as text. */
export const esc = (text) => String(text).replace(/[&<>"]/g, (mark) => MARKS[mark]);

const card = (product, base) => `
  <a class="card" href="${base}/p/${product.id}" data-footfall-event="choose" data-footfall-prop-product="${product.id}">
    ${picture(product)}
    <span class="name">${product.name}</span><span class="price">${money(product.price)}</span>
    <span class="made">${product.made}</span>
  </a>`;

const grid = (goods, base) => `<div class="grid">${goods.map((product) => card(product, base)).join('')}</div>`;

const home = (base) => ({
  title: 'Furniture that stays',
  html: `
    <section class="hero">
      <div><h1>Furniture that stays</h1>
        <p>Fifteen things, made of wood, wool and light. Made once, mended often.</p>
        <a class="button" href="${base}/c/chairs" data-footfall-event="hero" data-footfall-prop-to="chairs">Begin with a chair</a></div>
      ${picture(productOf('tables-1'))}
    </section>
    <ul class="chips">${categories.map(({ id, name }) => `<li><a href="${base}/c/${id}">${name}</a></li>`).join('')}</ul>
    <h2>All of it</h2>${grid(products, base)}`,
});

const category = (base, id) => {
  const found = categoryOf(id);
  return found && {
    title: found.name,
    html: `<h1>${found.name}</h1><p class="lead">${found.text}</p>
      ${grid(products.filter((product) => product.category == id), base)}`,
  };
};

const product = (base, id) => {
  const found = productOf(id);
  if (!found) return;
  const { name, price, text, made } = found;
  const alike = products.filter((other) => other.category == found.category && other != found);
  return {
    title: name,
    html: `
      <nav class="crumbs"><a href="${base}/">Shop</a> / <a href="${base}/c/${found.category}">${categoryOf(found.category).name}</a></nav>
      <article class="product" data-footfall-item-id="${id}" data-footfall-item-name="${name}"
        data-footfall-item-category="${found.category}" data-footfall-item-brand="Tidewood" data-footfall-item-price="${price}">
        ${picture(found)}
        <div class="told">
          <h1>${name}</h1><p class="price">${money(price)}</p><p>${text}</p><p class="made">${made}</p>
          <form class="buy" data-action="add" data-product="${id}">
            <label>How many <input name="quantity" type="number" min="1" max="9" value="1" required></label>
            <button class="button">Add to cart</button>
          </form>
          <!-- Nobody ever wrote what this one does. -->
          <button class="plain" id="swatch" type="button">Send me a sample of the wood</button>
          <details><summary>Delivery and returns</summary><p>In two weeks, to your door. Thirty days to change your mind.</p></details>
          <details><summary>Care</summary><p>Once a year some oil: <a href="/care.txt" download>how to care for wood</a>.</p></details>
        </div>
      </article>
      <section class="story"><h2>How it is made</h2>
        <p>The boards dry for two years behind the workshop, then for two weeks inside it. Who begins a piece ends it, and
        writes the year below the seat, the top or the hem.</p>
        <p>What breaks comes back to us and is mended. What cannot be mended becomes something smaller.</p>
        <p>More about wood: <a href="https://example.org/wood" rel="noopener">the foresters' page</a>.</p></section>
      <h2>Goes with it</h2>${grid(alike, base)}`,
  };
};

const search = (base, query) => {
  const term = (query.get('q') || '').trim();
  const found = find(term);
  const told = found.length ? `${found.length} for “${esc(term)}”` : `Nothing for “${esc(term)}”`;
  return {
    title: term ? `Search: ${term}` : 'Search',
    html: `<h1>${term ? told : 'Search'}</h1>
      <div data-footfall-results="${found.length}">${grid(found, base)}</div>
      ${found.length ? '' : `<p class="lead">Try <a href="${base}/search?q=oak">oak</a>, <a href="${base}/search?q=wool">wool</a> or <a href="${base}/search?q=lamp">lamp</a>.</p>`}`,
  };
};

const cart = (base) => ({
  title: 'Cart',
  html: lines().length
    ? `<h1>Cart</h1><ul class="lines">${lines()
        .map(
          ([product, many]) => `<li>${picture(product)}<a href="${base}/p/${product.id}">${product.name}</a>
            <span class="many"><button type="button" data-action="less" data-product="${product.id}" aria-label="One ${product.name} less">−</button>
            ${many} <button type="button" data-action="more" data-product="${product.id}" aria-label="One ${product.name} more">+</button></span>
            <span class="price">${money(product.price * many)}</span></li>`,
        )
        .join('')}</ul>
       <p class="total">Together <b>${money(total())}</b></p><a class="button" href="${base}/checkout">To the checkout</a>`
    : `<h1>Cart</h1><p class="lead">It is empty. <a href="${base}/">Have a look around</a>.</p>`,
});

const field = (name, label, more) => `
  <label>${label} <input name="${name}" aria-describedby="${name}-error" required ${more}><span class="error" id="${name}-error"></span></label>`;

const checkout = (base) => ({
  title: 'Checkout',
  html: lines().length
    ? `<h1>Checkout</h1>
      <form class="checkout" id="checkout" name="checkout" data-action="buy">
        ${field('name', 'Name', 'autocomplete="name" maxlength="80"')}
        ${field('email', 'E-mail', 'type="email" autocomplete="email" maxlength="120"')}
        ${field('street', 'Street and number', 'autocomplete="street-address" maxlength="120"')}
        ${field('postcode', 'Postcode', 'autocomplete="postal-code" pattern="[0-9]{4,5}" inputmode="numeric" title="Four or five digits"')}
        <fieldset><legend>How you pay</legend>
          <label><input type="radio" name="payment" value="invoice" checked> By invoice</label>
          <label><input type="radio" name="payment" value="door"> At the door</label></fieldset>
        <label class="check"><input type="checkbox" name="terms" aria-describedby="terms-error" required> I know that this shop is made up and nothing will come
          <span class="error" id="terms-error"></span></label>
        <p class="total">Together <b>${money(total())}</b></p>
        <button class="button">Buy</button>
      </form>`
    : `<h1>Checkout</h1><p class="lead">There is nothing to buy: <a href="${base}/cart">the cart is empty</a>.</p>`,
});

const thanks = (base) => ({
  title: 'Thank you',
  html: `<h1>Thank you</h1><p class="lead">Your order is on its way to nowhere.</p>
    <p><a class="button" href="${base}/">Back to the shop</a></p>`,
});

const workshop = () => ({
  title: 'The workshop',
  html: `<h1>The workshop</h1><p class="lead">It took a while, did it not? This page is slow on purpose: the server waits
    for some seconds before it answers, so that you see what slow pages look like in the figures.</p>
    ${picture(productOf('shelves-1'))}`,
});

const studio = () => ({
  title: 'The studio',
  html: `<h1>The studio</h1><p class="lead">Paint a chair in your colours. Nothing here works, on purpose: the picture is
    missing, and each button fails in another way.</p>
    <img class="missing" src="/pictures/not-there.jpg" alt="A chair that is not there" width="220" height="220">
    <p class="row"><button class="button" type="button" data-action="throw">Preview</button>
    <button class="button" type="button" data-action="reject">Save</button></p>`,
});

const missing = (base) => ({
  title: 'Not here',
  html: `<h1>Not here</h1><p class="lead">There is no such page. <a href="${base}/">To the shop</a></p>`,
});

const ROUTES = [
  [/^\/$/, home],
  [/^\/c\/([\w-]+)$/, category],
  [/^\/p\/([\w-]+)$/, product],
  [/^\/cart$/, cart],
  [/^\/checkout$/, checkout],
  [/^\/thanks$/, thanks],
  [/^\/workshop$/, workshop],
  [/^\/studio$/, studio],
];

/** `path` is below `base`, the half of the shop: '' or '/app'. */
export function viewOf(base, path, query) {
  if (path == '/search') return search(base, query);
  for (const [pattern, make] of ROUTES) {
    const found = pattern.exec(path);
    const made = found && make(base, found[1]);
    if (made) return made;
  }
  return missing(base);
}
