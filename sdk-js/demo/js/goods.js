/** What is sold, and what lies in the cart. */

// In the page itself: what is shown is there at once, and before Footfall looks at it.
const list = JSON.parse(document.getElementById('goods').textContent);

export const { currency, categories, products } = list;

export const money = (amount) => new Intl.NumberFormat('en', { style: 'currency', currency }).format(amount);

export const productOf = (id) => products.find((product) => product.id == id);

export const categoryOf = (id) => categories.find((category) => category.id == id);

/** Products whose name, category, text or material has each of the words. */
export function find(term) {
  const words = term.toLowerCase().split(/\s+/).filter(Boolean);
  const about = ({ name, category, text, made }) => [name, category, text, made].join(' ').toLowerCase();
  return words.length ? products.filter((product) => words.every((word) => about(product).includes(word))) : [];
}

/** With GA4's item fields. */
export const itemOf = ({ id, name, category, price }, quantity = 1) => ({
  item_id: id, item_name: name, item_category: category, item_brand: 'Tidewood', price, quantity,
});

const CART = 'tidewood.cart';
let kept = '{}'; // where nothing may be stored

/** Product id -> how many. */
export function cart() {
  try {
    return JSON.parse(localStorage.getItem(CART) || '{}');
  } catch {
    return JSON.parse(kept);
  }
}

function keep(goods) {
  kept = JSON.stringify(goods);
  try {
    localStorage.setItem(CART, kept);
  } catch {
    // for this page at least
  }
  document.dispatchEvent(new Event('cart'));
}

export function put(id, quantity) {
  const goods = cart();
  goods[id] = Math.min(99, Math.max(0, (goods[id] || 0) + quantity));
  if (!goods[id]) delete goods[id];
  keep(goods);
}

export const empty = () => keep({});

/** [product, how many] of what is in the cart. */
export const lines = () => Object.entries(cart()).map(([id, many]) => [productOf(id), many]).filter(([product]) => product);

export const total = () => lines().reduce((sum, [{ price }, many]) => sum + price * many, 0);

export const count = () => lines().reduce((sum, [, many]) => sum + many, 0);
