import { describe, expectTypeOf, test } from 'vitest';
import type { Goods, Sale } from '../../src/core/brought';
import type { Addon, Consent, Kind, Options } from '../../src/core/options';
import type { Held, Parts, Tracker } from '../../src/core/tracker';
import type { Batch, Element, Event, Item, KnownName, Order, Props, Vital } from '../../src/generated/event';

describe('options', () => {
  test('the site is all that is needed', () => {
    expectTypeOf<{ site: string }>().toExtend<Options>();
    expectTypeOf<{ endpoint: string }>().not.toExtend<Options>();
    expectTypeOf<Pick<Options, 'consent'>>().toEqualTypeOf<{ consent?: Consent }>();
    expectTypeOf<Options['consent']>().toEqualTypeOf<'pending' | 'granted' | 'denied' | undefined>();
  });

  test('kinds and add-ons have names, in a list of any kind or as the tag writes them', () => {
    expectTypeOf<readonly ['clicks', 'forms']>().toExtend<Options['off']>();
    expectTypeOf<'clicks forms'>().toExtend<Options['off']>();
    expectTypeOf<['everything']>().not.toExtend<Options['off']>();
    expectTypeOf<readonly ['vitals', 'errors']>().toExtend<Options['with']>();
    expectTypeOf<['clicks']>().not.toExtend<Options['with']>();
    expectTypeOf<Kind & Addon>().toBeNever();
  });
});

describe('calls', () => {
  test('track takes a name of ones own, and props that are no objects', () => {
    expectTypeOf<Tracker['track']>().parameters.toEqualTypeOf<[name: string, props?: Props, parts?: Parts]>();
    expectTypeOf<Tracker['track']>().returns.toBeVoid();
    expectTypeOf<{ plan: string; seats: number; trial: boolean; code: null }>().toExtend<Props>();
    expectTypeOf<{ plan: { name: string } }>().not.toExtend<Props>();
    expectTypeOf<{ tags: string[] }>().not.toExtend<Props>();
    expectTypeOf<{ big: bigint }>().not.toExtend<Props>();
  });

  test('what the tracker itself says of an event nobody else may', () => {
    expectTypeOf<keyof Parts>().extract<'name' | 'event_id' | 'session_id' | 'props'>().toBeNever();
    expectTypeOf<Parts>().toHaveProperty('url').toEqualTypeOf<string | undefined>();
    expectTypeOf<Tracker['page']>().toBeCallableWith({ title: 'T' }, true);
    expectTypeOf<Tracker['identify']>().parameters.toEqualTypeOf<[user: string]>();
    expectTypeOf<Tracker['consent']>().parameters.toEqualTypeOf<[state: Consent]>();
    expectTypeOf<ReturnType<Tracker['held']>>().toEqualTypeOf<Held>();
  });

  test('shops may use the names of GA4', () => {
    expectTypeOf<{ transaction_id: string; value: number; items: Item[] }>().toExtend<Sale>();
    expectTypeOf<Item>().toExtend<Goods>();
    expectTypeOf<Item[]>().toExtend<Goods>();
    expectTypeOf<Sale>().not.toHaveProperty('step');
    expectTypeOf<NonNullable<Tracker['checkoutStep']>>().parameter(0).toHaveProperty('step').toEqualTypeOf<string | number>();
    expectTypeOf<NonNullable<Tracker['purchase']>>().parameter(0).toEqualTypeOf<Sale>();
  });
});

describe('events, made from the schema', () => {
  test('a name is all that an event needs, and events all that a batch does', () => {
    expectTypeOf<{ name: string }>().toExtend<Event>();
    expectTypeOf<{ url: string }>().not.toExtend<Event>();
    expectTypeOf<{ events: Event[] }>().toExtend<Batch>();
    expectTypeOf<Batch['events'][number]>().toEqualTypeOf<Event>();
    expectTypeOf<{ sdk: string }>().not.toExtend<Batch>();
  });

  test('its parts have types of their own', () => {
    expectTypeOf<Event['element']>().toEqualTypeOf<Element | undefined>();
    expectTypeOf<Event['items']>().toEqualTypeOf<Item[] | undefined>();
    expectTypeOf<Event['order']>().toEqualTypeOf<Order | undefined>();
    expectTypeOf<Event['props']>().toEqualTypeOf<Props | undefined>();
    expectTypeOf<Event['occurred_at']>().toEqualTypeOf<number | undefined>();
    expectTypeOf<Vital>().toEqualTypeOf<{ name?: string; value?: number }>();
    expectTypeOf<Item['price']>().toEqualTypeOf<number | undefined>();
    expectTypeOf<{ price: string }>().not.toExtend<Item>();
  });

  test('names that are known are told from others', () => {
    expectTypeOf<'page_view' | 'path_change' | 'page_leave' | 'click' | 'purchase' | 'web_vital'>().toExtend<KnownName>();
    expectTypeOf<'rage_click'>().not.toExtend<KnownName>();
    expectTypeOf<string>().not.toExtend<KnownName>();
  });
});
