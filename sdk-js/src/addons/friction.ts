import { guarded, listen } from '../auto/guard';
import { presses } from '../auto/presses';
import type { Tracker } from '../core/tracker';
import { describe } from './element';

const RAGE_CLICKS = 3;
const RAGE_PX = 30;
const RAGE_MS = 1e3;
const CHANGE_MS = 2500;
const MOVE_MS = 100;
const SAME_MS = 1e3;

/** Clicks in anger (`rage_click`), and clicks that nothing follows (`dead_click`). */
export function friction(tracker: Tracker): void {
  rage(tracker);
  dead(tracker);
}

/** Once a burst: it ends with a click elsewhere, or later. */
function rage(tracker: Tracker): void {
  let x = 0;
  let y = 0;
  let at = -Infinity;
  let count = 0;
  presses(tracker, (event, path) => {
    if (event.type != 'click') return;
    const near = Math.abs(event.clientX - x) + Math.abs(event.clientY - y) < RAGE_PX;
    count = near && event.timeStamp - at < RAGE_MS ? count + 1 : 1;
    at = event.timeStamp;
    x = event.clientX;
    y = event.clientY;
    // With the keyboard (there is no place then) people press fast, and mean it.
    if (count == RAGE_CLICKS && (x || y)) tracker.track('rage_click', undefined, { element: describe(tracker, event, path) });
  });
}

interface Open {
  at: number;
  tell: () => void;
}

/** Nothing is watched but for the moments after a click. */
function dead(tracker: Tracker): void {
  let open: Open[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  let clicked: Element | undefined;
  let clickedAt = -Infinity;

  const end = (): void => {
    open = [];
    clearTimeout(timer);
    timer = undefined;
    observer.disconnect();
  };
  /** Something happened: of clicks within so many ms before it, it may be the answer. */
  const alive = (within: number): void => {
    const now = performance.now();
    open = open.filter(({ at }) => now - at > within);
    if (!open[0]) end();
  };
  const observer = new MutationObserver(() => alive(CHANGE_MS));
  const look = guarded(tracker, () => {
    timer = undefined;
    const now = performance.now();
    const over = open.filter(({ at }) => now - at >= CHANGE_MS);
    open = open.filter((one) => !over.includes(one));
    if (open[0]) timer = setTimeout(look, SAME_MS); // soon enough for the others
    else end();
    over.forEach(({ tell }) => tell());
  });

  presses(tracker, (event, path) => {
    if (event.type != 'click') return;
    const node = path[0]!;
    const now = performance.now();
    const again = node == clicked && now - clickedAt < SAME_MS;
    clicked = node;
    clickedAt = now;
    // Fields answer by themselves, as anchors do; no mutation tells of it.
    const answers = path.some((one) => one.matches?.('a,area,input,select,textarea,label,video,audio,[contenteditable]'));
    if (again || answers || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const element = describe(tracker, event, path);
    open.push({ at: now, tell: () => tracker.track('dead_click', undefined, { element }) });
    // Of a shadow tree the document's observer hears nothing: each root on the path is watched.
    for (const one of path)
      if (one.nodeType == 9 || one.nodeType == 11)
        observer.observe(one, { subtree: true, childList: true, attributes: true, characterData: true });
    timer ||= setTimeout(look, CHANGE_MS);
  });
  // In the capture phase: scrolling within an element counts, too.
  listen(tracker, 'scroll selectionchange', () => alive(MOVE_MS));
  // That the page ends, is hidden, or becomes another is the answer, however long it took.
  tracker.leaving.push(end);
}
