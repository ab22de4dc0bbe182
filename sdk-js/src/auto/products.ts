import type { Tracker } from '../core/tracker';
import type { Item } from '../generated/event';
import { guarded, looking } from './guard';
import { itemOf, type Loose } from './items';
import { PRIVATE, textOf } from './texts';

const PRODUCT = '[data-footfall-product],[data-footfall-item-id],[itemtype$="schema.org/Product"]';
const SEEN_MS = 1e3;
const MOST = 100; // on one page

interface View {
  item: Item;
  /** In view since then. */
  since: number;
  /** In view for so long before, and not told yet. */
  ms: number;
  told?: number;
}

/** What an element says of its product: in JSON, in attributes, or as microdata of its own (not of another product in it). */
function read(tracker: Tracker, element: Element): Item {
  const given: Loose = JSON.parse(element.getAttribute('data-footfall-product') || '{}') as Loose;
  for (const name of ['id', 'name', 'category', 'brand', 'price']) {
    const own = [...element.querySelectorAll(`[itemprop~=${name == 'id' ? 'sku' : name}]`)].find(
      (part) => name == 'price' || part.parentElement!.closest('[itemscope]') == element,
    );
    given[name == 'price' ? name : 'item_' + name] ??=
      element.getAttribute('data-footfall-item-' + name) ??
      (own && (own.getAttribute('content') ?? textOf(tracker, own, 512)));
  }
  return itemOf(tracker, given);
}

/** `product_view` when at least half of a product (or half a screen of it) was in view for a second; `product_leave`: for how long. */
export function products(tracker: Tracker): void {
  let place: string;
  let views: Record<string, View>;
  let left: number;
  const shown = new Map<Element, View>();

  const check = guarded(tracker, () => {
    for (const view of shown.values())
      if (!view.told && left && performance.now() - view.since > SEEN_MS - 50) {
        view.told = left--;
        tracker.track('product_view', undefined, { items: [view.item] });
      }
  });
  const come = guarded(tracker, (element: Element) => {
    const item = read(tracker, element);
    const key = item.item_id || item.item_name;
    if (!key) return;
    const view = (views[key] ||= { item, since: 0, ms: 0 });
    view.since = performance.now();
    shown.set(element, view);
    setTimeout(check, SEEN_MS);
  });
  const gone = (view: View, element: Element): void => {
    const now = performance.now();
    view.ms += now - view.since;
    view.since = now;
    shown.delete(element);
  };
  const watcher = new IntersectionObserver(
    guarded(tracker, (entries: IntersectionObserverEntry[]) => {
      for (const { target, intersectionRatio, intersectionRect } of entries) {
        const view = shown.get(target);
        if (intersectionRatio < 0.5 && intersectionRect.height * 2 < innerHeight) {
          if (view) gone(view, target);
        } else if (!view) come(target);
      }
    }),
    { threshold: [0, 0.1, 0.3, 0.5] },
  );
  tracker.leaving.push(
    guarded(tracker, () => {
      watcher.disconnect();
      shown.forEach(gone);
      for (const view of Object.values(views)) {
        if (view.told && view.ms)
          tracker.track('product_leave', { viewed_ms: Math.round(view.ms) }, {
            url: tracker.at || tracker.url(location.href), scroll_depth: tracker.depth, items: [view.item],
          }); // prettier-ignore
        view.ms = 0;
      }
    }),
  );
  looking(tracker, () => {
    if (place != tracker.at) {
      views = {};
      left = MOST;
      place = tracker.at;
    }
    // What is watched already stays so; where it was left, it begins anew.
    document.querySelectorAll(PRODUCT).forEach((element) => element.closest(PRIVATE) || watcher.observe(element));
  });
}
