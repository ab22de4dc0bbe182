/** What is on by default and does not have to be there before the first paint. */
import { optingByAddress } from '../browser/opting';
import { routes } from '../browser/routes';
import { sending } from '../browser/sending';
import type { Kind } from '../core/options';
import type { Part, Tracker } from '../core/tracker';
import { attributes } from './attributes';
import { clicks } from './clicks';
import { commerce } from './commerce';
import { engagement } from './engagement';
import { forms } from './forms';
import { guarded, isOn } from './guard';
import { products } from './products';
import { search } from './search';

/** Addresses are cleaned once on a view: the page's own goes with every event, and that is the dearest part of one. */
function addresses(tracker: Tracker): void {
  const { url } = tracker;
  let cleaned: Record<string, string> = {};
  tracker.url = (text) => (cleaned[text] ??= url(text));
  tracker.leaving.push(() => (cleaned = {}));
}

/** `clicks` tells of links and of what attributes name, too: it looks itself which of them is off. */
const ALWAYS: readonly Part[] = [addresses, sending, commerce, clicks, optingByAddress];
/** What is captured by itself: each can be switched off by its name. */
const CAPTURES: Partial<Record<Kind, Part>> = { pages: routes, engagement, products, forms, search, attributes };

export function auto(tracker: Tracker): void {
  const run = (part: Part): void => guarded(tracker, part)(tracker);
  ALWAYS.forEach(run);
  for (const addon of `${tracker.options.with || ''}`.match(/\w+/g) || []) tracker.bring?.(addon);
  for (const kind in CAPTURES) if (isOn(tracker, kind as Kind)) run(CAPTURES[kind as Kind]!);
}
