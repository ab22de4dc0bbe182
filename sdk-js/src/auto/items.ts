import type { Tracker } from '../core/tracker';
import { type Item, MAX_ITEMS } from '../generated/event';

/** As pages have them: numbers may be texts. */
export type Loose = Record<string, unknown>;

/** A text of at most so many characters; undefined: there is none. */
export const text = (value: unknown, most = 512): string | undefined => value?.toString().slice(0, most);

/** A number; undefined: it is none, or 0, which is what the gateway takes for it. */
export const number = (value: unknown): number | undefined => Number(value) || undefined;

/** With GA4's item fields, and no others: what does not fit would make the gateway refuse the event. */
export function itemOf(tracker: Tracker, given: Loose): Item {
  const shown = (value: unknown): string => tracker.mask(text(value, 1e3) || '');
  return {
    item_id: text(given.item_id), // as it is: article numbers look like card numbers
    item_name: shown(given.item_name),
    item_category: shown(given.item_category),
    item_brand: shown(given.item_brand),
    price: number(given.price),
    quantity: Math.ceil(Number(given.quantity)) || undefined,
  };
}

/** One item or several; undefined: none. */
export function itemsOf(tracker: Tracker, given: unknown): Item[] | undefined {
  const items = ([] as unknown[]).concat(given ?? []).slice(0, MAX_ITEMS);
  return items[0] ? items.map((item) => itemOf(tracker, item as Loose)) : undefined;
}
