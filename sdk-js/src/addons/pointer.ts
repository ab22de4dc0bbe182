import { guarded, listen } from '../auto/guard';
import type { Tracker } from '../core/tracker';
import { MAX_PROP_BYTES, type Props } from '../generated/event';

const SAMPLE_MS = 200;
const SEND_MS = 1e4;
const MOST_POINTS = 100;
const TENTHS = 10;

/** Where the pointer was (`pointer`), and which tenths of the page were on the screen for how long (`scroll`). */
export function pointer(tracker: Tracker): void {
  const place = (): string => tracker.at || tracker.url(location.href);
  let url = place();
  let points: string[] = [];
  let began = 0;
  let at: MouseEvent | undefined; // the last one that was not sampled yet
  let sampling: unknown;
  let sending: unknown;
  const seen = new Array<number>(TENTHS).fill(0);
  let since = performance.now();

  /** Time goes to every tenth of which something is on the screen. */
  const count = (): void => {
    const now = performance.now();
    const { scrollHeight } = document.documentElement;
    const tenth = (pixels: number): number => Math.floor((pixels / (scrollHeight || 1)) * TENTHS);
    const last = Math.min(TENTHS - 1, tenth(scrollY + innerHeight - 1));
    if (!document.hidden) for (let one = Math.max(0, tenth(scrollY)); one <= last; one++) seen[one]! += now - since;
    since = now;
  };
  const sample = guarded(tracker, () => {
    sampling = 0;
    const width = document.documentElement.scrollWidth;
    if (!at || !width) return;
    const now = performance.now();
    if (!points[0]) began = now;
    // In a fresh task, where nothing waits to be laid out in most pages; never in the handler.
    points.push([Math.round((at.pageX / width) * 1e4), Math.round(at.pageY), Math.round(now - began)].join());
    at = undefined;
    if (points.length >= MOST_POINTS) send();
    else sending ||= setTimeout(send, SEND_MS);
  });
  const send = guarded(tracker, () => {
    clearTimeout(sending as number);
    sending = 0;
    if (!points[0]) return;
    const props: Props = { w: document.documentElement.scrollWidth };
    let part = 0;
    let text = '';
    for (const point of points) {
      if (text.length + point.length >= MAX_PROP_BYTES) {
        props['p' + part++] = text;
        text = '';
      }
      text += (text && ';') + point;
    }
    props['p' + part] = text;
    points = [];
    tracker.track('pointer', props, { url });
  });
  const soon = (): void => {
    url = place();
    sampling ||= setTimeout(sample, SAMPLE_MS);
  };

  listen(tracker, 'pointermove', (event) => {
    at = event;
    soon();
  });
  let measuring: unknown;
  const measure = guarded(tracker, () => {
    measuring = 0;
    count();
  });
  listen(tracker, 'scroll', () => {
    measuring ||= setTimeout(measure, SAMPLE_MS);
  });
  listen(tracker, 'visibilitychange', () => {
    if (!document.hidden) since = performance.now();
  });
  tracker.leaving.push(
    guarded(tracker, () => {
      count();
      send();
      if (seen.some((ms) => ms >= 1)) tracker.track('scroll', { s: seen.map(Math.round).join() }, { url: place() });
      seen.fill(0);
    }),
  );
}
