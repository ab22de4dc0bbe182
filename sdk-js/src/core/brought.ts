import type { Item, Order, Props } from '../generated/event';

/** An order, with GA4's names for its id and sum too. */
export interface Sale extends Omit<Order, 'step'> {
  transaction_id?: string;
  value?: number;
  items?: Item[];
}
export type Goods = Item | Item[];

/** What parts bring to a tracker that is loaded without them. */
export interface Brought {
  /** Nothing more of this visitor on this device; `false`: again. */
  optOut?: (out?: boolean) => void;
  /** The deepest part of the page that was seen, 0 to 100. */
  depth?: number;
  productView?: (items: Goods, props?: Props) => void;
  addToCart?: (items: Goods, props?: Props) => void;
  removeFromCart?: (items: Goods, props?: Props) => void;
  checkoutStep?: (order: Sale & { step: string | number }, items?: Goods, props?: Props) => void;
  /** Counted once for an order id, however often the page says so. */
  purchase?: (order: Sale, props?: Props) => void;
}
