// @vitest-environment node
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test, vi } from 'vitest';
import { FootfallTracker, type MainSettings, type Problem } from '../../../src/npm/electron/main';
import { expose } from '../../../src/npm/electron/preload';
import { APP, fake, type Fake, message, PAGE } from './fakes';

const problems: Problem[] = [];
/** Once it is so, and in a later turn of the event loop, as messages of windows come. */
async function soon(check: () => void): Promise<void> {
  await vi.waitFor(check, { timeout: 5000, interval: 5 });
  await new Promise((resolve) => setImmediate(resolve));
}
let app: Fake;

function start(more: Partial<MainSettings> = {}): FootfallTracker {
  return new FootfallTracker({
    apiKey: 'pub_1', endpoint: 'https://stats.example.com', domain: 'shop.example', electron: app.electron,
    onError: (problem) => problems.push(problem), ...more,
  }); // prettier-ignore
}
const view = message(['track', 'page_view', null, { url: 'https://shop.example/index.html#/cart', title: 'Cart' }]);
const files = (): string[] => readdirSync(join(app.userData, 'footfall'));

beforeEach(() => {
  app = fake();
  problems.length = 0;
});

test('what windows and the app itself tell goes to the gateway, under an id of a day, and nothing is kept', async () => {
  const tracker = start();
  app.receive(view);
  tracker.track('export_done', { pages: 3 });
  tracker.purchase({ order_id: 'A-1', revenue: 10 });
  await tracker.close();
  expect(app.urls).toEqual(['https://stats.example.com/v1/batch?site=pub_1']);
  expect(app.batches[0]).toMatchObject({ sdk: expect.stringMatching(/^electron/) as string, language: 'de-CH' });
  expect(app.batches[0]!.visitor_id).toBeUndefined();
  expect(app.events()).toMatchObject([
    { name: 'page_view', url: 'https://shop.example/index.html#/cart', title: 'Cart' },
    { name: 'export_done', url: 'https://shop.example/', props: { pages: 3 } },
    { name: 'purchase', order: { order_id: 'A-1' } },
  ]);
  expect(existsSync(join(app.userData, 'footfall'))).toBe(false);
  expect(problems).toEqual([]);
});

test('with consent the visitor is the same after a restart, and what was not sent goes then', async () => {
  app.online = false;
  const before = start({ consent: 'granted' });
  app.receive(view);
  await before.close();
  expect(app.batches).toEqual([]);
  expect(files()).toHaveLength(2); // who it is, and a batch
  app = fake(app.userData);
  start({ consent: 'granted' }).identify('u-7');
  await soon(() => expect(app.events()).toHaveLength(2)); // by itself, once the app is ready
  expect(app.events().map(({ name }) => name)).toEqual(['page_view', 'identify']);
  expect(app.batches[0]!.visitor_id).toBeTruthy();
  expect(app.batches[1]!.visitor_id).toBe(app.batches[0]!.visitor_id);
  expect(files()).toHaveLength(1);
});

test('what is kept is dropped with the consent', async () => {
  const tracker = start({ consent: 'granted' });
  app.receive(view);
  await tracker.close();
  expect(files()).toHaveLength(1);
  app.receive(message(['consent', 'denied']));
  app.receive(view);
  await tracker.close();
  expect(files()).toEqual([]);
  expect(app.batches.at(-1)).toMatchObject({ consent: 'denied' });
  expect(app.batches.at(-1)!.visitor_id).toBeUndefined();
});

test('an opted-out device stays so after a restart', async () => {
  start();
  app.receive(message(['optOut', true]));
  app = fake(app.userData);
  const tracker = start();
  app.receive(view);
  await tracker.close();
  expect(app.events()).toEqual([]);
  app.receive(message(['optOut', false]));
  app.receive(view);
  await tracker.close();
  expect(app.events()).toHaveLength(1);
});

test('quitting and going to sleep send what is there; back on the network, too', async () => {
  start();
  app.receive(view);
  app.emit('before-quit');
  await soon(() => expect(app.events()).toHaveLength(1));
  app.receive(view);
  app.emit('suspend');
  await soon(() => expect(app.events()).toHaveLength(2));
  app.online = false;
  app.receive(view);
  app.receive(message(['flush']));
  await soon(() => expect(problems).toHaveLength(1));
  app.online = true;
  app.receive(message(['online']));
  await soon(() => expect(app.events()).toHaveLength(3));
  app.online = false;
  app.receive(view);
  app.receive(message(['flush']));
  await soon(() => expect(problems).toHaveLength(2));
  app.online = true;
  app.emit('resume');
  await soon(() => expect(app.events()).toHaveLength(4));
});

test('a batch has one window and its sizes', async () => {
  const tracker = start();
  app.receive(message(['track', 'a'], { common: { viewport_width: 800, viewport_height: 600 } }));
  vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 1_000);
  app.receive(message(['track', 'b'], { common: { viewport_width: 300, viewport_height: 200 } }));
  await tracker.close();
  expect(app.batches.map(({ viewport_width, events }) => `${events.map(({ name }) => name)} ${viewport_width}`).sort()).toEqual(['a 800', 'b 300']);
});

test('windows that take turns lose nothing while the network is away', async () => {
  app.online = false;
  const tracker = start();
  for (let turn = 0; turn < 600; turn++) app.receive(message(['track', `t${turn}`], { common: { viewport_width: 300 + (turn % 2) } }));
  tracker.flush();
  app.online = true;
  app.emit('resume');
  await soon(() => expect(new Set(app.events().map(({ name }) => name)).size).toBe(600));
  await tracker.close();
});

test('a visitor who asks for privacy is not known, whatever they said before', async () => {
  const tracker = start({ consent: 'granted' });
  app.receive(message(['track', 'a'], { asked: true }));
  await tracker.close();
  expect(app.batches[0]!.visitor_id).toBeUndefined();
});

const LONG = 'x'.repeat(70_000);
test.each([
  ['no text', { call: ['track', 'x'] }],
  ['no JSON', '{'],
  ['no object', 'null'],
  ['too long', message(['track', 'x', { LONG }])],
  ['no method', message([])],
  ['a method that is not there for windows', message(['clear'])],
  ['a method of objects', message(['constructor', 'x'])],
  ['a member of the tracker', message(['delivery'])],
  ['a name that is none', message(['track', { toString: 'x' }])],
  ['a long name', message(['track', 'x'.repeat(65)])],
  ['a state that is none', message(['consent', 'maybe'])],
  ['a user that is none', message(['identify', ''])],
])('a window cannot say what it may not: %s', async (_, text) => {
  const tracker = start({ consent: 'granted' });
  app.receive(text);
  await tracker.close();
  expect(app.events()).toEqual([]);
});

test('a window cannot say who it is, when it was, or another id, nor reach a prototype', async () => {
  const tracker = start();
  const parts = { visitor_id: 'v', user_id: 'u', session_id: 's', event_id: 'e', occurred_at: 1, request: {}, name: 'y', title: 'T' };
  const text = message(['track', 'x', { good: 1, deep: { a: 1 } }, parts], { common: { sdk: 'mine', visitor_id: 'v', viewport_width: -1 } });
  app.receive(text.replace('"good"', '"__proto__":{"polluted":1},"good"'));
  await tracker.close();
  const { events: [event], ...batch } = app.batches[0]!; // prettier-ignore
  expect(Object.keys(event!).sort()).toEqual(['event_id', 'name', 'occurred_at', 'props', 'title', 'url']);
  expect(event).toMatchObject({ name: 'x', props: { good: 1 } });
  expect(event!.occurred_at).toBeGreaterThan(1);
  expect(batch.sdk).toMatch(/^electron/);
  expect(batch.visitor_id).toBeUndefined();
  expect(({} as { polluted?: number }).polluted).toBeUndefined();
});

test.each([
  ['https://evil.example/', false],
  ['https://shop.example.evil.example/', false],
  ['data:text/html,x', false],
  ['about:blank', false],
  ['', false],
  [null, false],
  [PAGE, true],
  ['app://bundle/index.html', true],
  ['https://shop.example/', true],
  ['http://localhost:5173/', true],
])('a page of %s may tell something: %s', async (url, trusted) => {
  const tracker = start();
  app.receive(view, url);
  await tracker.close();
  expect(app.events()).toHaveLength(trusted ? 1 : 0);
});

test('whom to trust can be said', async () => {
  const tracker = start({ trusts: (url) => url == 'https://partner.example/' });
  app.receive(view, 'https://partner.example/');
  app.receive(view, PAGE);
  await tracker.close();
  expect(app.events()).toHaveLength(1);
});

test('no path of the machine leaves, wherever a window or the app writes it', async () => {
  const tracker = start();
  const error = { message: `open ${APP}/a.js`, source: PAGE, stack: `at ${PAGE}:1:2\nat /Users/anna/x.js` };
  const element = { href: 'file:///Users/anna/taxes.pdf', text: '/Users/anna/taxes.pdf' };
  const parts = { url: PAGE, referrer: 'file:///Users/anna/other.html', title: 'C:\\Users\\anna\\taxes.pdf', error, element };
  app.receive(message(['track', 'x', { file: '/Users/anna/taxes.pdf' }, parts]));
  app.receive(message(['track', 'y', null, { url: { toString: PAGE }, referrer: 7, element: { href: [PAGE] } }]));
  tracker.track('z', { from: '/home/anna/x' }, { url: PAGE });
  tracker.page({ title: PAGE });
  await tracker.close();
  expect(app.events()).toHaveLength(4);
  const all = JSON.stringify(app.batches);
  expect(all).not.toMatch(/anna|Users|taxes|file:|\/home/);
  expect(app.events()[0]).toMatchObject({ url: 'https://shop.example/', error: { message: 'open a.js', source: 'dist/index.html' } });
});

test('nothing throws into the app, whatever it or a window tells', async () => {
  const tracker = start();
  const round: Record<string, unknown> = {};
  round.round = round;
  tracker.track('round', round as never);
  tracker.track('none', undefined, null as never);
  const deep = '['.repeat(3e4) + ']'.repeat(3e4);
  app.receive(`{"call": ["track", "deep", null, {"element": ${deep}}], "common": {}, "asked": false}`);
  await tracker.close();
  expect(app.events().map(({ name }) => name)).toEqual(['none']);
  expect(problems).toMatchObject([
    { kind: 'lost', message: expect.stringContaining('event round') as string },
    { kind: 'lost', message: expect.stringContaining('event deep') as string },
  ]);
});

test('waking up does not make it send before the gateway wants it, but what is left when the app quits goes', async () => {
  [app.status, app.patience] = [503, 60];
  const tracker = start();
  app.receive(view);
  await tracker.close();
  expect(app.urls).toHaveLength(1);
  app.emit('resume');
  app.receive(message(['online']));
  await new Promise((resolve) => setImmediate(resolve));
  expect(app.urls).toHaveLength(1);
  await tracker.close();
  expect(app.urls).toHaveLength(2);
});

test('problems say what to do, and one that listens and throws changes nothing', async () => {
  app.status = 401;
  const onError = vi.fn(() => {
    throw new Error('of the app');
  });
  const tracker = start({ onError });
  app.receive(view);
  await tracker.close();
  expect(onError).toHaveBeenCalledWith(expect.objectContaining({ kind: 'refused', message: expect.stringContaining('footfall site show') as string }));
});

test('the preload script passes texts on, of a size, on one channel', () => {
  const sent: unknown[] = [];
  let api: { send: (text: unknown) => void } | undefined;
  expose({
    contextBridge: { exposeInMainWorld: (name, given) => (api = name == 'footfallBridge' ? (given as typeof api) : undefined) },
    ipcRenderer: { send: (...given) => sent.push(given) },
  });
  expect(Object.keys(api!)).toEqual(['send']);
  api!.send(view);
  api!.send({ call: ['track', 'x'] });
  api!.send(LONG);
  expect(sent).toEqual([['footfall', view]]);
});
