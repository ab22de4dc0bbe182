import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Batch, Event } from '../../src/generated/event';
import type * as Package from '../../src/npm/index';

const SETTINGS = { site: 'pub_1', endpoint: 'https://stats.example.com', off: ['engagement'] } as const;
let sdk: typeof Package;
let bodies: string[];

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'requestAnimationFrame', 'Date'] });
  bodies = [];
  vi.stubGlobal('fetch', (_: string, { body }: { body: string }) => {
    bodies.push(body);
    return Promise.resolve(new Response('', { status: 202 }));
  });
  vi.stubGlobal('CompressionStream', undefined);
  vi.stubGlobal('localStorage', {}); // happy-dom's throws where browsers' do not
  delete window.footfall;
  vi.resetModules(); // each test is a page of its own
  sdk = await import('../../src/npm/index');
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
  delete window.footfall;
});

/** All names that leave within ten seconds. */
async function sent(): Promise<string[]> {
  await vi.advanceTimersByTimeAsync(10_000);
  return bodies.flatMap((body) => (JSON.parse(body) as Batch).events).map((event: Event) => event.name);
}

describe('a page', () => {
  it('is counted once, however often it is begun', async () => {
    sdk.track('before');
    sdk.init({ ...SETTINGS });
    sdk.init({ ...SETTINGS });
    const own = new sdk.FootfallTracker({ apiKey: 'pub_1', endpoint: 'https://stats.example.com' });
    own.track('own');
    own.productView({ item_id: 'a' }); // comes with the second part
    expect((await sent()).sort()).toEqual(['before', 'own', 'page_view', 'product_view']);
  });

  it('of two sites is counted for both', async () => {
    sdk.init({ ...SETTINGS });
    new sdk.FootfallTracker({ apiKey: 'pub_2', endpoint: 'https://stats.example.com' });
    expect(await sent()).toEqual(['page_view', 'page_view']);
  });

  it('sends to the endpoint with its site', async () => {
    const fetched = vi.fn(() => Promise.resolve(new Response('', { status: 202 })));
    vi.stubGlobal('fetch', fetched);
    sdk.init({ ...SETTINGS, endpoint: '/s/collect' });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(fetched).toHaveBeenCalledWith('/s/collect?site=pub_1', expect.anything());
  });
});

describe('beside the tag', () => {
  it('a tag that comes later finds the page counted', async () => {
    const snippet = { q: [['track', 'of the snippet']] };
    Object.assign(window, { footfall: Object.assign(() => undefined, snippet) });
    sdk.init({ ...SETTINGS });
    await import('../../src/iife').catch(() => undefined);
    window.footfall?.track('of a script beside');
    expect((await sent()).sort()).toEqual(['of a script beside', 'of the snippet', 'page_view']);
  });

  it("leaves another site's tag its place", () => {
    document.head.innerHTML = '<script type="x" data-site="pub_other"></script>';
    new sdk.FootfallTracker({ apiKey: 'pub_1', endpoint: 'https://stats.example.com' });
    expect(window.footfall).toBeUndefined();
    document.head.innerHTML = '';
  });

  it('a tag that was there keeps counting, alone', async () => {
    const script = document.createElement('script');
    script.dataset.site = 'pub_1';
    Object.defineProperty(script, 'src', { value: 'https://stats.example.com/f.js' });
    vi.spyOn(document, 'currentScript', 'get').mockReturnValue(script);
    vi.spyOn(document.head, 'append').mockReturnValue(undefined);
    await import('../../src/iife');
    sdk.init({ ...SETTINGS });
    sdk.track('of the package');
    const own = new sdk.FootfallTracker({ apiKey: 'pub_1', endpoint: 'https://stats.example.com' });
    for (const calls of [sdk, own]) calls.addToCart({ item_id: 'a' });
    expect(await sent()).not.toContain('add_to_cart');
    const { auto } = await import('../../src/auto');
    window.footfall!.use(auto); // as the tag's second part does
    document.documentElement.dispatchEvent(new Event('load'));
    expect((await sent()).sort()).toEqual(['add_to_cart', 'add_to_cart', 'of the package', 'page_view']);
  });
});
