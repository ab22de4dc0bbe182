import { afterEach, expect, test, vi } from 'vitest';
import { close, type Page, show } from './page';

afterEach(close);

const touch = (): void => void document.dispatchEvent(new Event('pointermove', { bubbles: true }));
const wait = (ms: number): void => void vi.advanceTimersByTime(ms);
const leaves = async (page: Page) => (await page.events('page_leave')).map(({ engaged_ms, scroll_depth, url }) => [engaged_ms, scroll_depth, url]);

function set(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, configurable: true, writable: true });
}
/** The browser hides the page, or shows it. */
function visible(state: 'visible' | 'hidden'): void {
  vi.spyOn(document, 'visibilityState', 'get').mockReturnValue(state);
  vi.spyOn(document, 'hidden', 'get').mockReturnValue(state == 'hidden');
  document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
}
/** `height`: the page's; the window's is 500. */
function scroll(to: number, height = 2000): void {
  set(window, 'innerHeight', 500);
  set(window, 'scrollY', to);
  set(document.documentElement, 'scrollHeight', height);
  document.dispatchEvent(new Event('scroll', { bubbles: true }));
}
const URL = 'https://shop.example/';

test('only time in which somebody was there counts', async () => {
  const page = show('');
  scroll(0);
  wait(10_000); // of these the first ones were before the part ran: 100 ms in `show`
  touch();
  wait(60_000); // 15 s of it
  touch();
  wait(1_000);
  visible('hidden');
  wait(60_000);
  visible('visible');
  wait(2_000);
  visible('hidden');
  const told = await leaves(page);
  expect(told[0]![0]).toBeGreaterThanOrEqual(26_000);
  expect(told[0]![0]).toBeLessThanOrEqual(26_100);
  expect(told[1]).toEqual([2_000, 25, URL]);
  expect(told).toHaveLength(2);
});

test('a window without focus is not read', async () => {
  const page = show('');
  scroll(0);
  wait(1_000);
  vi.spyOn(document, 'hasFocus').mockReturnValue(false);
  window.dispatchEvent(new Event('blur'));
  wait(5_000);
  vi.spyOn(document, 'hasFocus').mockReturnValue(true);
  window.dispatchEvent(new Event('focus'));
  wait(1_000);
  page.tracker.leave();
  const [[ms]] = (await leaves(page)) as [[number]];
  expect(ms).toBeGreaterThanOrEqual(2_000);
  expect(ms).toBeLessThanOrEqual(2_100);
});

test('nothing new, nothing told', async () => {
  const page = show('');
  scroll(0);
  wait(1_000);
  page.tracker.leave(); // pagehide
  wait(3);
  visible('hidden'); // and a moment later
  wait(99_000);
  page.tracker.leave();
  expect(await leaves(page)).toHaveLength(1);
});

test('the deepest part counts, is measured apart from scrolling, and anew on each view', async () => {
  const page = show('');
  scroll(1000);
  const read = vi.fn(() => 2000);
  Object.defineProperty(document.documentElement, 'scrollHeight', { get: read, configurable: true });
  for (let step = 0; step < 50; step++) document.dispatchEvent(new Event('scroll', { bubbles: true }));
  expect(read).not.toHaveBeenCalled();
  wait(300);
  expect(read).toHaveBeenCalledTimes(1);
  scroll(200);
  wait(300);
  history.pushState({}, '', '/second');
  scroll(0, 1000);
  page.tracker.page();
  wait(300);
  page.tracker.leave();
  const told = await leaves(page);
  expect(told.map(([, depth, url]) => [depth, url])).toEqual([[75, URL], [50, URL + 'second']]); // prettier-ignore
});

test('switched off', async () => {
  const page = show('', URL, { off: ['engagement'] });
  wait(5_000);
  page.tracker.leave();
  expect(await leaves(page)).toEqual([]);
});
