import { afterEach, expect, test } from 'vitest';
import { close, show } from './page';

afterEach(close);

const LAMP = { item_id: '4006381333931', item_name: 'Lamp', price: 9.5, quantity: 2 };

test('goods: one or several, with GA4 fields and no others', async () => {
  const page = show('');
  const { tracker } = page;
  tracker.productView!({ ...LAMP, item_variant: 'red' } as never);
  tracker.addToCart!([LAMP, { item_id: 7 as never, price: '3.20' as never }], { from: 'list' });
  tracker.removeFromCart!(LAMP);
  const sent = (await page.events()).slice(1).map(({ name, items, props }) => ({ name, items, props }));
  const lamp = { ...LAMP, item_category: '', item_brand: '' };
  const other = { item_id: '7', item_name: '', item_category: '', item_brand: '', price: 3.2 };
  expect(sent).toEqual([
    { name: 'product_view', items: [lamp] },
    { name: 'add_to_cart', items: [lamp, other], props: { from: 'list' } },
    { name: 'remove_from_cart', items: [lamp] },
  ]);
});

test('a secret at the end of what is kept of a name is masked whole', async () => {
  const page = show('');
  const before = 'x'.repeat(500) + ' ';
  page.tracker.addToCart!({ item_name: before + 'anna.lee@example.com' });
  expect((await page.events('add_to_cart'))[0]!.items![0]!.item_name).toBe(before + '*');
});

test('a purchase counts once, by either of its names', async () => {
  const page = show('');
  const { tracker } = page;
  tracker.purchase!({ order_id: 'A1', revenue: 19, tax: 3, shipping: 0, currency: 'EUR', coupon: 'MAY', items: [LAMP] });
  tracker.purchase!({ transaction_id: 'A1', value: 19 });
  tracker.purchase!({ transaction_id: 'A2', value: '20.50' as never, tax: 'much' as never });
  const sent = await page.events('purchase');
  expect(sent.map(({ order }) => order)).toEqual([
    { order_id: 'A1', revenue: 19, tax: 3, currency: 'EUR', coupon: 'MAY' },
    { order_id: 'A2', revenue: 20.5 },
  ]);
  expect(sent[0]!.items![0]!.item_name).toBe('Lamp');
});

test('a step of the checkout', async () => {
  const page = show('');
  const { tracker } = page;
  tracker.checkoutStep!({ step: 2, value: 19, currency: 'EUR' }, LAMP, { way: 'card' });
  expect((await page.events('checkout_step'))[0]).toMatchObject({
    order: { step: '2', revenue: 19, currency: 'EUR' }, items: [{ item_id: LAMP.item_id }], props: { way: 'card' },
  }); // prettier-ignore
});

test('nonsense does not reach the page as an error', async () => {
  const page = show('');
  const { tracker } = page;
  tracker.purchase!(undefined as never);
  tracker.addToCart!([null] as never);
  tracker.checkoutStep!(null as never);
  expect(await page.events('purchase')).toEqual([]);
});
