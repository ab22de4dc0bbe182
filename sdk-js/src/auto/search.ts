import type { Tracker } from '../core/tracker';
import { looking } from './guard';
import { number } from './items';

const NAMES = 'q s query search term keyword';

/** Searches on the site: by the address of the page that shows what was found. Each term once, not each page of results. */
export function search(tracker: Tracker): void {
  const names = (tracker.options.search || NAMES).split(' ');
  const termOf = (address: string): string => {
    const query = new URL(address, location.href).searchParams;
    return tracker.mask((names.map((name) => query.get(name)).find((term) => term) || '').trim());
  };
  const { referrer } = document;
  let last = referrer && termOf(referrer);
  looking(tracker, () => {
    const term = termOf('');
    if (!term || term == last) return;
    last = term;
    const results = number(document.querySelector('[data-footfall-results]')?.getAttribute('data-footfall-results'));
    tracker.track('search', undefined, { search: { term, results } });
  });
}
