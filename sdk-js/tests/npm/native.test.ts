import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Batch, Event } from '../../src/generated/event';
import type { AppState, NetInfo, Navigation, Storage } from '../../src/npm/native/api';
import { addressOf, agentOf } from '../../src/npm/native/platform';
import { type AppSettings, FootfallTracker } from '../../src/npm/react-native';

/** As AsyncStorage documents it, in memory; each call takes a turn. */
class Kept implements Storage {
  broken = false;
  constructor(readonly items = new Map<string, string>()) {}
  private turn<T>(work: () => T): Promise<T> {
    return Promise.resolve().then(() => {
      if (this.broken) throw new Error('the device is full');
      return work();
    });
  }
  getAllKeys = (): Promise<string[]> => this.turn(() => [...this.items.keys()]);
  getItem = (key: string): Promise<string | null> => this.turn(() => this.items.get(key) ?? null);
  setItem = (key: string, value: string): Promise<void> => this.turn(() => void this.items.set(key, value));
  removeItem = (key: string): Promise<void> => this.turn(() => void this.items.delete(key));
}

/** `AppState`, NetInfo and a navigation container, as far as they are listened to. */
class Device implements AppState {
  currentState = 'active';
  route = { name: 'Home' };
  private readonly heard: ((state: string) => void)[] = [];
  private readonly online: ((state: { isConnected: boolean | null }) => void)[] = [];
  private readonly moved: (() => void)[] = [];
  addEventListener = (_: 'change', heard: (state: string) => void): unknown => this.heard.push(heard);
  netInfo: NetInfo = { addEventListener: (heard) => this.online.push(heard) };
  navigation: Navigation = { addListener: (_, heard) => this.moved.push(heard), getCurrentRoute: () => this.route };
  turn(state: string): void {
    this.currentState = state;
    this.heard.forEach((heard) => heard(state));
  }
  connect(): void {
    this.online.forEach((heard) => heard({ isConnected: true }));
  }
  go(name: string): void {
    this.route = { name };
    this.moved.forEach((heard) => heard());
  }
}

let requests: { url: string; body: string; headers: Record<string, string> }[];
let status: number;
let device: Device;
let storage: Kept;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
  [requests, status, device, storage] = [[], 202, new Device(), new Kept()];
  vi.stubGlobal('fetch', (url: string, { body, headers }: { body: string; headers: Record<string, string> }) => {
    requests.push({ url, body, headers });
    return status ? Promise.resolve(new Response('', { status })) : Promise.reject(new TypeError('Network request failed'));
  });
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const settle = (ms = 0): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);
const batches = (): Batch[] => requests.map(({ body }) => JSON.parse(body) as Batch);
const events = (name?: string): Event[] => batches().flatMap((batch) => batch.events).filter((event) => !name || event.name == name);

function app(more: Partial<AppSettings> = {}): FootfallTracker {
  return new FootfallTracker({
    apiKey: 'pub_1', endpoint: 'https://stats.example.com', domain: 'app.example.com',
    storage, appState: device, system: { OS: 'ios', Version: '17.4' }, ...more,
  }); // prettier-ignore
}

describe('screens', () => {
  it('are pages of the domain, once each, told by the navigation', async () => {
    const footfall = app();
    footfall.follow(device.navigation);
    await settle(1500);
    device.go('Home'); // only its parameters changed
    device.go('Cart');
    footfall.screen('Cart');
    await settle(4000);
    expect(events().map(({ name, url }) => [name, url])).toEqual([
      ['page_view', 'https://app.example.com/Home'],
      ['page_leave', 'https://app.example.com/Home'],
      ['path_change', 'https://app.example.com/Cart'],
    ]);
    expect(events('path_change')[0]).toMatchObject({ title: 'Cart', referrer: 'https://app.example.com/Home' });
    expect(events('page_leave')[0]!.engaged_ms).toBe(1500);
    expect(requests[0]!.url).toBe('https://stats.example.com/v1/batch?site=pub_1');
  });

  it('count only while the app is in front', async () => {
    const footfall = app();
    footfall.screen('Home');
    await settle(1000);
    device.turn('background');
    await settle(60_000);
    device.turn('active');
    await settle(500);
    footfall.screen('Cart');
    await settle(4000);
    expect(events('page_leave').map(({ engaged_ms }) => engaged_ms)).toEqual([1000, 500]);
  });

  it('have addresses without secrets', async () => {
    app().screen('users/anna@example.com?token=abc');
    await settle(4000);
    expect(requests[0]!.body).not.toMatch(/anna|token=abc/);
    expect(addressOf('a.example', 'A b/c')).toBe('https://a.example/A%20b/c');
  });
});

describe('the device', () => {
  it('keeps nothing without consent', async () => {
    const footfall = app();
    footfall.screen('Home');
    await settle(4000);
    expect(batches()[0]!.visitor_id).toBeUndefined();
    status = 0;
    footfall.track('one');
    await settle(4000);
    expect([...storage.items]).toEqual([]);
  });

  it('keeps with consent who it is, and what was not taken, over a restart', async () => {
    status = 0;
    const first = app({ consent: 'granted' });
    first.track('one');
    await settle(4000);
    expect(storage.items.size).toBe(2);
    vi.clearAllTimers(); // the app is killed
    [status, device, requests] = [202, new Device(), []];
    const second = app({ consent: 'granted' });
    second.track('two');
    await settle(4000);
    expect(events().map(({ name }) => name).sort()).toEqual(['one', 'two']);
    expect(new Set(batches().map(({ visitor_id }) => visitor_id)).size).toBe(1);
    expect([...storage.items.keys()]).toEqual(['ff.pub_1']); // the visitor
  });

  it('that fails is done without', async () => {
    storage.broken = true;
    const footfall = app({ consent: 'granted' });
    footfall.track('one');
    await settle(4000);
    expect(events('one')).toHaveLength(1);
    expect(batches()[0]!.visitor_id).toBeDefined();
  });

  it('forgets when consent is withdrawn', async () => {
    const footfall = app({ consent: 'granted' });
    footfall.track('one');
    await settle(4000);
    footfall.consent('denied');
    await settle(4000);
    expect([...storage.items]).toEqual([]);
  });

  it('remembers that somebody opted out', async () => {
    app().optOut();
    await settle();
    expect([...storage.items.keys()]).toEqual(['ff.pub_1!']);
    const later = app({ consent: 'granted' });
    later.track('one');
    await settle(10_000);
    expect(requests).toEqual([]);
    later.optOut(false);
    later.track('two');
    await settle(4000);
    expect(events().map(({ name }) => name)).toEqual(['two']);
    expect(storage.items.has('ff.pub_1!')).toBe(false);
  });

  it('sends nothing of before to somebody who opts out while it is still read what the device keeps', async () => {
    status = 0;
    app({ consent: 'granted' }).track('of before');
    await settle(4000);
    expect(storage.items.size).toBe(2); // who it is, and a batch
    vi.clearAllTimers();
    [requests, status] = [[], 202];
    app({ consent: 'granted', netInfo: device.netInfo }).optOut();
    device.connect();
    await settle(10_000);
    device.connect();
    await settle();
    expect(requests).toEqual([]);
    expect([...storage.items.keys()]).toEqual(['ff.pub_1!']);
  });
});

describe('sending', () => {
  it('waits until it is known what the device keeps', async () => {
    vi.spyOn(storage, 'getAllKeys').mockReturnValue(new Promise(() => undefined));
    app().track('one');
    await settle(60_000);
    expect(requests).toEqual([]);
  });

  it('goes on at once when the network is back, or the app is in front again', async () => {
    for (const back of [() => device.connect(), () => device.turn('active')]) {
      [status, device, requests] = [0, new Device(), []];
      vi.spyOn(Math, 'random').mockReturnValue(1);
      const footfall = app({ netInfo: device.netInfo });
      footfall.track('one');
      await settle(3500);
      const before = requests.length;
      status = 202;
      back();
      await settle();
      expect(requests).toHaveLength(before + 1);
      expect(new Set(batches().map(({ batch_id }) => batch_id)).size).toBe(1);
      vi.clearAllTimers();
    }
  });

  it('waits as long as the gateway asks, however often the app comes to the front', async () => {
    vi.stubGlobal('fetch', (url: string, { body }: { body: string }) => {
      requests.push({ url, body, headers: {} });
      return Promise.resolve(new Response('', { status, headers: status == 503 ? { 'retry-after': '60' } : {} }));
    });
    status = 503;
    app({ netInfo: device.netInfo }).track('one');
    await settle(3500);
    status = 202;
    for (let time = 0; time < 5; time++) {
      device.turn('active');
      device.connect();
      await settle(10_000);
    }
    expect(requests).toHaveLength(1);
    await settle(20_000);
    expect(events('one')).toHaveLength(2);
  });

  it('happens when the app goes to the background', async () => {
    app().track('one');
    await settle();
    device.turn('inactive');
    await settle();
    expect(events('one')).toHaveLength(1);
  });

  it("marks developers' builds", async () => {
    app({ dev: true }).track('one');
    await settle(4000);
    expect(requests[0]!.headers).toMatchObject({ Origin: 'http://localhost' });
  });

  it('gives up on a request that is not answered', async () => {
    vi.stubGlobal('fetch', (url: string, { body, headers, signal }: RequestInit) => {
      requests.push({ url, body: body as string, headers: headers as Record<string, string> });
      return new Promise((_, reject) => signal!.addEventListener('abort', () => reject(new Error('aborted'))));
    });
    app().track('one');
    await settle(30_000);
    expect(requests.length).toBeGreaterThan(1);
  });
});

it('counts nothing where ids could not be told apart, and says what to do', async () => {
  const warned = vi.spyOn(console, 'warn').mockReturnValue(undefined);
  vi.stubGlobal('crypto', undefined);
  const footfall = app();
  footfall.track('one');
  footfall.screen('Home');
  await settle(10_000);
  expect(requests).toEqual([]);
  expect(warned).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('npm install react-native-get-random-values'));
});

it.each([
  [{ OS: 'ios', Version: '17.4' }, 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) x'],
  [{ OS: 'ios', Version: '17.4', isPad: true }, 'Mozilla/5.0 (iPad; CPU OS 17_4 like Mac OS X) x'],
  [{ OS: 'android', Version: 34 }, 'Mozilla/5.0 (Linux; Android 14; Mobile) x'],
  [{ OS: 'android', Version: 32 }, 'Mozilla/5.0 (Linux; Android 12; Mobile) x'],
  [{ OS: 'android', Version: 29 }, 'Mozilla/5.0 (Linux; Android 10; Mobile) x'],
  [{ OS: 'android', Version: 24 }, 'Mozilla/5.0 (Linux; Android 7; Mobile) x'],
  [{ OS: 'macos', Version: '15.1' }, 'Mozilla/5.0 (Macintosh; Intel Mac OS X 15_1) x'],
  [{ OS: 'windows', Version: 10 }, 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) x'],
])('says which system it is: %o', (system, agent) => {
  expect(agentOf(system, 'x')).toBe(agent);
});

it('knows a tablet by its screen', () => {
  const system = { OS: 'android', Version: 34 };
  expect(agentOf(system, 'x', { width: 1280, height: 800 })).toBe('Mozilla/5.0 (Linux; Android 14; Tablet) x');
  expect(agentOf(system, 'x', { width: 390, height: 844 })).toContain('Mobile');
});
