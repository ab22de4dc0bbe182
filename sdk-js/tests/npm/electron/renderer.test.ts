import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type * as Renderer from '../../../src/npm/electron/renderer';
import type { Message } from '../../../src/npm/electron/messages';
import { PAGE } from './fakes';

let told: Message[] = [];
let bridged: Record<string, unknown>;
let undo: (() => void)[] = [];

/** A window of its own for each test. */
async function shown(url = PAGE): Promise<typeof Renderer> {
  vi.resetModules();
  (window as unknown as { happyDOM: { setURL(url: string): void } }).happyDOM.setURL(url);
  document.title = 'Shop';
  for (const target of [window, document]) {
    const add = target.addEventListener.bind(target);
    vi.spyOn(target, 'addEventListener').mockImplementation((...given: unknown[]) => {
      const [name, heard, options] = given as Parameters<typeof add>;
      add(name, heard, options);
      undo.push(() => target.removeEventListener(name, heard, options));
    });
  }
  return import('../../../src/npm/electron/renderer');
}
const calls = (): unknown[] => told.map(({ call }) => call);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] });
  told = [];
  bridged = window as unknown as Record<string, unknown>;
  bridged.footfallBridge = { send: (text: string) => told.push(JSON.parse(text) as Message) };
});
afterEach(() => {
  undo.forEach((work) => work());
  undo = [];
  vi.restoreAllMocks();
  vi.useRealTimers();
  delete bridged.footfallBridge;
});

test('its page is told as the domain would serve it', async () => {
  const { init } = await shown(PAGE + '?utm_source=news&token=1#/cart');
  init({ domain: 'shop.example' });
  const url = 'https://shop.example/index.html?utm_source=news#/cart';
  expect(told[0]).toMatchObject({ call: ['track', 'page_view', null, { url, title: 'Shop' }], asked: false });
  expect(told[0]!.common.viewport_width).toBe(innerWidth);
});

test('calls wait for init, and each is one message', async () => {
  const sdk = await shown();
  sdk.track('early', { a: 1 });
  sdk.init({ domain: 'shop.example', off: ['pages'] });
  sdk.identify('u-7');
  sdk.consent('granted');
  sdk.optOut();
  sdk.optOut(false);
  sdk.reset();
  sdk.flush();
  sdk.purchase({ order_id: 'A-1' });
  window.dispatchEvent(new Event('online'));
  expect(calls()).toMatchObject([
    ['track', 'early', { a: 1 }, { url: 'https://shop.example/index.html' }],
    ['identify', 'u-7'],
    ['consent', 'granted'],
    ['optOut', true],
    ['optOut', false],
    ['reset'],
    ['flush'],
    ['track', 'purchase', null, { order: { order_id: 'A-1' } }],
    ['online'],
  ]);
});

test('what is too large for a message, or none, is said in the console', async () => {
  const warned = vi.spyOn(console, 'warn').mockReturnValue(undefined);
  const sdk = await shown();
  sdk.init({ domain: 'shop.example', off: ['pages'] });
  sdk.track('large', { text: 'x'.repeat(70_000) });
  const circle: Record<string, unknown> = {};
  circle.self = circle;
  sdk.track('round', circle as never);
  expect(calls()).toEqual([]);
  expect(warned.mock.calls.map(([text]) => text as string)).toEqual(['footfall: track large was not told:', 'footfall: track round was not told:']);
});

test('a window that closes tells how long it was looked at, and asks to send', async () => {
  vi.spyOn(document, 'hasFocus').mockReturnValue(true);
  const { init } = await shown();
  init({ domain: 'shop.example' });
  document.dispatchEvent(new Event('pointermove', { bubbles: true }));
  vi.advanceTimersByTime(4000);
  window.dispatchEvent(new Event('pagehide'));
  expect(calls().slice(-2)).toMatchObject([['track', 'page_leave', null, { url: 'https://shop.example/index.html' }], ['flush']]);
});

test('what is no JSON is no fault of the page', async () => {
  const { identify, init, track } = await shown();
  init({ domain: 'shop.example', off: ['pages'] });
  track('bad', { number: 1n as unknown as number });
  identify(1n as unknown as string);
  track('good');
  expect(told.map(({ call }) => call[1])).toEqual(['good']);
});

test('without the preload script it says so, and does nothing', async () => {
  delete bridged.footfallBridge;
  const warn = vi.spyOn(console, 'warn').mockReturnValue();
  const { init, track } = await shown();
  init({ domain: 'shop.example' });
  track('x');
  expect(warn).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('expose()'));
});
