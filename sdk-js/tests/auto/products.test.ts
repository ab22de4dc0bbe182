import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { close, type Page, show } from './page';

/** happy-dom lays nothing out: what is in view is said here. */
class Watcher {
  static now: Watcher;
  watched = new Set<Element>();
  constructor(private readonly told: (entries: object[]) => void) {
    Watcher.now = this;
  }
  observe(element: Element): void {
    this.watched.add(element);
  }
  disconnect(): void {
    this.watched.clear();
  }
  /** How much of elements is in view, and how high that is. */
  see(selector: string, intersectionRatio: number, height = 10): void {
    const seen = [...document.querySelectorAll(selector)].filter((target) => this.watched.has(target));
    if (seen[0]) this.told(seen.map((target) => ({ target, intersectionRatio, intersectionRect: { height } })));
  }
}

beforeEach(() => vi.stubGlobal('IntersectionObserver', Watcher));
afterEach(close);

const LAMP = `<article id="lamp" data-footfall-product='{"item_id":"L1","item_name":"Lamp","price":9.5}'></article>`;
const see = (selector: string, ratio: number, height?: number): void => Watcher.now.see(selector, ratio, height);
const wait = (ms: number): void => void vi.advanceTimersByTime(ms);
const items = async (page: Page, name = 'product_view') => (await page.events(name)).flatMap((event) => event.items!);

test('seen for a second, by half', async () => {
  const page = show(LAMP + '<article id="shoe" data-footfall-item-id="S1" data-footfall-item-price="20"></article>');
  see('#lamp', 0.4);
  wait(1500);
  see('#lamp', 0.6);
  see('#shoe', 0.9);
  wait(900);
  see('#shoe', 0.1);
  wait(200);
  expect(await items(page)).toMatchObject([{ item_id: 'L1', item_name: 'Lamp', price: 9.5 }]);
});

test('higher than the screen: half a screen of it', async () => {
  const page = show(LAMP);
  see('#lamp', 0.1, innerHeight / 2);
  wait(1001);
  expect(await items(page)).toHaveLength(1);
});

test('once a view of the page, and when it is left for how long', async () => {
  const page = show(LAMP);
  see('#lamp', 1);
  wait(3000);
  see('#lamp', 0);
  see('#lamp', 1);
  wait(2000);
  page.tracker.leave();
  page.tracker.leave();
  const [left, ...more] = await page.events('product_leave');
  expect(left!.props).toEqual({ viewed_ms: 5000 });
  expect(left!.items![0]!.item_id).toBe('L1');
  expect(more).toEqual([]);

  document.dispatchEvent(new Event('visibilitychange', { bubbles: true })); // it is back
  wait(1001);
  see('#lamp', 1);
  wait(4000);
  page.tracker.leave();
  expect((await page.events('product_leave'))[1]!.props).toEqual({ viewed_ms: 4000 });
  expect(await items(page)).toHaveLength(1);

  history.pushState({}, '', '/lamps');
  page.tracker.page();
  wait(1001);
  see('#lamp', 1);
  wait(1001);
  expect(await items(page)).toHaveLength(2);
});

test('microdata: its own, not of what is in it', async () => {
  const page = show(`<div id="p" itemscope itemtype="https://schema.org/Product">
    <div itemprop="brand" itemscope itemtype="https://schema.org/Brand"><span itemprop="name">Acme</span></div>
    <meta itemprop="sku" content="M1"><h1 itemprop="name">Big <b>lamp</b></h1>
    <div itemprop="offers" itemscope><meta itemprop="price" content="12.50"></div></div>`);
  see('#p', 1);
  wait(1001);
  expect(await items(page)).toEqual([{ item_id: 'M1', item_name: 'Big lamp', item_category: '', item_brand: 'Acme', price: 12.5 }]);
});

test('what comes later is found, what is private is not, broken JSON breaks nothing', async () => {
  const page = show(`<div data-footfall-private>${LAMP}</div><i id="bad" data-footfall-product="{"></i>`);
  see('#lamp', 1);
  document.body.insertAdjacentHTML('beforeend', '<b id="late" data-footfall-item-id="X"></b>');
  document.dispatchEvent(new Event('wheel', { bubbles: true }));
  wait(1001);
  see('#bad,#late', 1);
  wait(1001);
  expect((await items(page)).map((item) => item.item_id)).toEqual(['X']);
});

test('switched off', async () => {
  const page = show(LAMP, undefined, { off: 'products' });
  wait(2000);
  page.tracker.leave();
  expect(await page.events('product_leave')).toEqual([]);
});
