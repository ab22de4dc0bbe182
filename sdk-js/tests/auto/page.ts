/** A page with the SDK on it, of which only the network is not there: `sent` takes what would have left. */
import { vi } from 'vitest';
import { auto } from '../../src/auto';
import { start } from '../../src/browser/start';
import type { Options } from '../../src/core/options';
import type { Tracker } from '../../src/core/tracker';
import type { Batch, Event } from '../../src/generated/event';

export interface Page {
  tracker: Tracker;
  /** Bodies as they left, in their order. */
  bodies: string[];
  /** All events so far, or those of a name. */
  events(name?: string): Promise<Event[]>;
}

let undo: (() => void)[] = [];

/** Listeners of one test must not hear the next one's page. */
function loosely(): void {
  for (const target of [window, document]) {
    const original = target.addEventListener.bind(target);
    const spy = vi.spyOn(target, 'addEventListener').mockImplementation((...given: unknown[]) => {
      const [name, heard, options] = given as Parameters<typeof original>;
      original(name, heard, options);
      undo.push(() => target.removeEventListener(name, heard, options));
    });
    undo.push(() => spy.mockRestore());
  }
}

/** Shows `html` at `url` with the SDK, as the tag does it. Time stands still until it is moved by `vi`. */
export function show(html: string, url = 'https://shop.example/', options: Partial<Options> = {}): Page {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'requestAnimationFrame', 'Date', 'performance'] });
  (window as unknown as { happyDOM: { setURL(url: string): void } }).happyDOM.setURL(url);
  document.body.innerHTML = html;
  const bodies: string[] = [];
  vi.stubGlobal('fetch', (_: string, { body }: { body: string }) => {
    bodies.push(body);
    return Promise.resolve(new Response('', { status: 202 }));
  });
  vi.spyOn(navigator, 'sendBeacon').mockImplementation((_, body) => !!bodies.push(body as string));
  vi.stubGlobal('CompressionStream', undefined);
  vi.stubGlobal('localStorage', {}); // happy-dom's throws where browsers' do not: when something is deleted that is not there
  vi.spyOn(document, 'hasFocus').mockReturnValue(true);
  loosely();
  const { pushState, replaceState } = history; // eslint-disable-line @typescript-eslint/unbound-method -- put back as they were
  undo.push(() => Object.assign(history, { pushState, replaceState }));
  const tracker = start({ site: 'pub_1', ...options }, 'https://shop.example/v1/batch', () => auto(tracker));
  vi.advanceTimersByTime(100); // painted
  return {
    tracker,
    bodies,
    async events(name) {
      const leaving = tracker.leaving.splice(0); // it only sends what is there
      tracker.leave();
      tracker.leaving.push(...leaving);
      for (let turn = 0; turn < 20; turn++) await Promise.resolve();
      const all = bodies.flatMap((body) => (JSON.parse(body) as Batch).events);
      return all.filter((event) => !name || event.name == name).sort((one, other) => one.occurred_at! - other.occurred_at!);
    },
  };
}

/** The page is over. */
export function close(): void {
  undo.forEach((work) => work());
  undo = [];
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  vi.useRealTimers();
  document.body.innerHTML = '';
}

/** Presses an element as a person does; no link leads away. */
export function press(element: Element, more: MouseEventInit & { type?: string } = {}): void {
  const event = new MouseEvent(more.type ?? 'click', { bubbles: true, composed: true, cancelable: true, clientX: 10.4, clientY: 20.6, ...more });
  Object.defineProperty(event, 'isTrusted', { value: true });
  element.addEventListener(event.type, (heard) => heard.preventDefault(), { once: true });
  element.dispatchEvent(event);
}
