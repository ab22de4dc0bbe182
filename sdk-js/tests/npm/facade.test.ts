import { describe, expect, it, vi } from 'vitest';
import type { Tracker } from '../../src/core/tracker';
import { batchUrl, Facade, type Platform } from '../../src/npm/facade';
import { Calls } from '../../src/npm/tracker';

const SETTINGS = { site: 'pub_1', endpoint: 'https://stats.example.com' };

/** A platform whose tracker writes down what it was called with. */
function noting(): { heard: unknown[][]; tracker: Tracker; platform: Platform; started: unknown[][]; more: () => void } {
  const heard: unknown[][] = [];
  const started: unknown[][] = [];
  const note = (name: string) => (...given: unknown[]) => heard.push([name, ...given]);
  const tracker = { track: note('track'), page: note('page'), consent: note('consent') } as unknown as Tracker;
  const told = {
    heard,
    started,
    tracker,
    more: (): void => undefined,
    platform: ((options, endpoint, more) => {
      started.push([options, endpoint]);
      told.more = more;
      return tracker;
    }) as Platform,
  };
  return told;
}

describe('the address of batches', () => {
  it.each([
    ['https://stats.example.com', 'https://stats.example.com/v1/batch'],
    ['https://stats.example.com/', 'https://stats.example.com/v1/batch'],
    ['http://127.0.0.1:8080', 'http://127.0.0.1:8080/v1/batch'],
    ['/', '/v1/batch'],
    ['', '/v1/batch'],
    ['/s/collect', '/s/collect'],
    ['https://example.com/stats/v1/batch', 'https://example.com/stats/v1/batch'],
  ])('of %s is %s', (endpoint, expected) => {
    expect(batchUrl(endpoint)).toBe(expected);
  });
});

describe('calls', () => {
  it('wait for the start, in their order', () => {
    const { heard, platform, started } = noting();
    const facade = new Facade(platform);
    const calls = new Calls(facade);
    calls.track('one', { a: 1 });
    calls.page();
    expect(heard).toEqual([]);
    facade.start(SETTINGS);
    calls.track('two');
    expect(heard.map(([name, first]) => [name, first])).toEqual([['track', 'one'], ['page', undefined], ['track', 'two']]);
    expect(started).toEqual([[{ site: 'pub_1' }, 'https://stats.example.com/v1/batch']]);
  });

  it('wait for methods that come later', () => {
    const told = noting();
    const facade = new Facade(told.platform);
    const calls = new Calls(facade);
    facade.start(SETTINGS);
    calls.purchase({ order_id: 'A' });
    calls.track('meanwhile');
    expect(told.heard).toEqual([['track', 'meanwhile', undefined, undefined]]);
    told.tracker.purchase = (order) => told.heard.push(['purchase', order]);
    told.more();
    told.more();
    expect(told.heard.slice(1)).toEqual([['purchase', { order_id: 'A' }]]);
  });

  it('start once', () => {
    const { platform, started } = noting();
    const facade = new Facade(platform);
    facade.start(SETTINGS);
    facade.start({ ...SETTINGS, site: 'pub_2' });
    expect(started).toHaveLength(1);
  });

  it('are forgotten where nothing is counted', () => {
    const platform = vi.fn<Platform>(() => undefined);
    const facade = new Facade(platform);
    const part = vi.fn();
    facade.use(part);
    facade.start(SETTINGS);
    facade.start(SETTINGS);
    facade.use(part);
    new Calls(facade).track('one');
    expect(platform).toHaveBeenCalledOnce();
    expect(part).not.toHaveBeenCalled();
  });

  it('that wait are the newest 500', () => {
    const { heard, platform } = noting();
    const facade = new Facade(platform);
    const calls = new Calls(facade);
    for (let number = 0; number < 600; number++) calls.track(`n${number}`);
    facade.start(SETTINGS);
    expect(heard).toHaveLength(500);
    expect(heard[0]![1]).toBe('n100');
  });
});
