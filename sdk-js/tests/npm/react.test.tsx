import { act, StrictMode, useEffect } from 'react';
import { createRoot, hydrateRoot } from 'react-dom/client';
import { renderToString } from 'react-dom/server';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Batch } from '../../src/generated/event';
import type { Calls } from '../../src/npm/tracker';
import type * as Entry from '../../src/npm/react';

const SETTINGS = { site: 'pub_1', endpoint: 'https://stats.example.com', off: ['engagement'] } as const;
let entry: typeof Entry;
let bodies: string[];

beforeEach(async () => {
  vi.stubGlobal('IS_REACT_ACT_ENVIRONMENT', true);
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'requestAnimationFrame', 'Date'] });
  bodies = [];
  vi.stubGlobal('fetch', (_: string, { body }: { body: string }) => {
    bodies.push(body);
    return Promise.resolve(new Response('', { status: 202 }));
  });
  vi.stubGlobal('CompressionStream', undefined);
  vi.stubGlobal('localStorage', {}); // happy-dom's throws where browsers' do not
  document.body.innerHTML = '<main></main>';
  vi.resetModules(); // each test is a page of its own
  entry = await import('../../src/npm/react');
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
  delete window.footfall;
});

const main = (): Element => document.querySelector('main')!;

/** Batches that leave within ten seconds. */
async function sent(): Promise<Batch[]> {
  await vi.advanceTimersByTimeAsync(10_000);
  return bodies.map((body) => JSON.parse(body) as Batch);
}

function App(): string {
  const { track } = entry.useFootfall();
  useEffect(() => track('mounted'), [track]);
  return 'shop';
}

it('counts a page once under StrictMode, with what components told before it began', async () => {
  act(() => {
    createRoot(main()).render(
      <StrictMode>
        <entry.FootfallProvider {...SETTINGS}>
          <App />
        </entry.FootfallProvider>
      </StrictMode>,
    );
  });
  const names = (await sent()).flatMap(({ events }) => events).map(({ name }) => name);
  expect(names.sort()).toEqual(['mounted', 'mounted', 'page_view']); // StrictMode runs each effect twice
});

it('renders on a server what it hydrates, and counts nothing there', async () => {
  const app = (
    <entry.FootfallProvider {...SETTINGS}>
      <App />
    </entry.FootfallProvider>
  );
  main().innerHTML = renderToString(app);
  expect(main().innerHTML).toBe('shop');
  expect(await sent()).toEqual([]);
  const failed = vi.spyOn(console, 'error');
  await act(async () => {
    hydrateRoot(main(), app);
    await Promise.resolve();
  });
  expect(failed).not.toHaveBeenCalled();
  expect((await sent()).flatMap(({ events }) => events)).toHaveLength(2);
});

it('tells a consent that changes', async () => {
  const root = createRoot(main());
  const show = (consent: 'pending' | 'granted'): void =>
    act(() => {
      root.render(<entry.FootfallProvider {...SETTINGS} consent={consent} />);
    });
  show('pending');
  expect(await sent()).toEqual([]);
  show('granted');
  show('granted');
  expect((await sent()).map(({ consent }) => consent)).toEqual(['granted']);
});

it('hands on a tracker of your own', async () => {
  const tracker = { track: vi.fn(), consent: vi.fn() } as unknown as Calls;
  act(() => {
    createRoot(main()).render(
      <entry.FootfallProvider tracker={tracker}>
        <App />
      </entry.FootfallProvider>,
    );
  });
  expect(tracker.track).toHaveBeenCalledExactlyOnceWith('mounted');
  expect(await sent()).toEqual([]);
});

it('works without a provider, once the package was started', async () => {
  act(() => {
    createRoot(main()).render(<App />);
  });
  const { init } = await import('../../src/npm/index');
  init({ ...SETTINGS });
  expect((await sent()).flatMap(({ events }) => events)).toHaveLength(2);
});
