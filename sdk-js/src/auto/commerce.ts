import type { Goods } from '../core/brought';
import type { Tracker } from '../core/tracker';
import type { Props } from '../generated/event';
import { guarded } from './guard';
import { itemsOf, type Loose, number, text } from './items';

/** What a shop's pages tell of themselves. */
export function commerce(tracker: Tracker): void {
  const bought: Record<string, unknown> = {};
  const goods = (name: string) =>
    guarded(tracker, (items: Goods, props?: Props) => tracker.track(name, props, { items: itemsOf(tracker, items) }));

  const sale = (name: string, given: Loose, items: unknown, props?: Props): void =>
    tracker.track(name, props, {
      items: itemsOf(tracker, items),
      order: {
        order_id: text(given.order_id ?? given.transaction_id),
        step: text(given.step, 64),
        revenue: number(given.revenue ?? given.value),
        tax: number(given.tax),
        shipping: number(given.shipping),
        currency: text(given.currency, 3),
        coupon: text(given.coupon, 64),
      },
    });

  tracker.productView = goods('product_view');
  tracker.addToCart = goods('add_to_cart');
  tracker.removeFromCart = goods('remove_from_cart');
  tracker.checkoutStep = guarded(tracker, (order, items, props) => sale('checkout_step', order as object as Loose, items ?? order.items, props));
  tracker.purchase = guarded(tracker, (order, props) => {
    const id = order.order_id ?? order.transaction_id!;
    if (!bought[id]) sale('purchase', order as object as Loose, order.items, props);
    bought[id] = id;
  });
}
