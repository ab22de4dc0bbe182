/*! Contains web-vitals, Copyright Google LLC, licensed under the Apache License 2.0: https://www.apache.org/licenses/LICENSE-2.0 */
import { type Metric, onCLS, onFCP, onINP, onLCP, onTTFB } from 'web-vitals';
import { guarded } from '../auto/guard';
import type { Tracker } from '../core/tracker';
import { timings } from './timings';

/** `web_vital`: each at most once for a page that was loaded, or came back from the cache of pages. */
export function vitals(tracker: Tracker): void {
  /** As they are now: they go on changing until the page is hidden. */
  const open = new Map<string, Metric>();
  const told = new Set<string>();
  const loaded = tracker.at || tracker.url(location.href);

  const tell = (name: string, value: number, rating?: string, navigation_type?: string): void => {
    const rounded = name == 'CLS' ? Math.round(value * 1e4) / 1e4 : Math.round(value);
    const restored = navigation_type == 'back-forward-cache';
    tracker.track('web_vital', rating ? { rating, navigation_type: navigation_type! } : undefined, {
      url: (restored && tracker.at) || loaded, // routes of a single-page app are not loaded
      vital: { name, value: rounded },
    });
  };
  const end = (metric: Metric): void => {
    if (told.has(metric.id)) return;
    told.add(metric.id);
    tell(metric.name, metric.value, metric.rating, metric.navigationType);
  };
  const once = guarded(tracker, end);
  const note = (metric: Metric): void => void open.set(metric.name, metric);

  onTTFB(once);
  onFCP(once);
  for (const on of [onLCP, onCLS, onINP]) on(note, { reportAllChanges: true });
  timings(tracker, tell);
  tracker.leaving.push(
    guarded(tracker, () => {
      open.forEach(end);
      open.clear();
    }),
  );
}
