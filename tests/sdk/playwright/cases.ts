// What a user's tests could be, each a function that Playwright's own library runs in a real Chromium.
// Prints what each of them told, or threw.
import { chromium } from 'playwright-core';
import { footfallMicro } from '../../../sdk-js/src/testing/playwright';

const { MICRO, PAGES, CHROMIUM } = process.env as Record<string, string>;
const AGENT =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36';
const browser = await chromium.launch({
  executablePath: CHROMIUM,
  args: ['--no-sandbox', '--host-resolver-rules=MAP *.example.com 127.0.0.1'],
});
const leaked: string[] = [];
const open = async (path: string, micro: ReturnType<typeof footfallMicro>, gateway?: string) => {
  const page = await (await browser.newContext({ userAgent: AGENT })).newPage();
  await micro.route(page, gateway);
  page.on('request', (request) => {
    if (request.method() == 'POST' && !request.url().startsWith(MICRO!)) leaked.push(request.url());
  });
  await page.goto(PAGES + path);
  return page;
};

const cases: Record<string, () => Promise<unknown>> = {
  async found() {
    const micro = footfallMicro({ url: MICRO });
    const page = await open('/shop', micro, 'https://stats.example.com');
    await page.click('button');
    const event = await micro.expectEvent('purchase', { order: { order_id: 'A-1' } });
    const first = await micro.expectEvent('page_view', { enriched: { page: { path: '/shop' } } });
    return [event.order?.revenue, event.enriched.bot, event.site == micro.site, first.seq < event.seq];
  },

  async packed_and_leaving() {
    const micro = footfallMicro({ url: MICRO });
    const page = await open('/shop', micro, 'https://stats.example.com');
    await micro.expectEvent('page_view');
    await page.evaluate(() => {
      for (let count = 0; count < 30; count++) (window as any).footfall('track', 'many', { text: 'x'.repeat(100) });
    });
    await micro.expectEvent('many', undefined, { count: 25 });
    await page.evaluate(() => (window as any).footfall('track', 'last'));
    await page.goto(PAGES + '/other');
    await micro.expectEvent('last', { url: PAGES + '/shop' }, { timeout: 2000 });
    return micro.bad();
  },

  async another() {
    const micro = footfallMicro({ url: MICRO });
    const page = await open('/shop', micro, 'https://stats.example.com');
    await page.click('button');
    await micro.expectEvent('purchase');
    await micro.expectEvent('purchase', { order: { order_id: 'A-2', revenue: 10 }, items: [] }, { timeout: 100 });
  },

  async refused() {
    const micro = footfallMicro({ url: MICRO });
    const page = await open('/shop', micro, 'https://stats.example.com');
    await page.evaluate(() => (window as any).footfall('track', 'x'.repeat(65)));
    await micro.expectEvent('page_view');
    await page.close();
    while (!(await micro.bad()).length) await new Promise((done) => setTimeout(done, 50));
    await micro.expectEvent('signup', {}, { timeout: 100 });
  },

  async nothing() {
    const micro = footfallMicro({ url: MICRO });
    await micro.expectEvent('purchase', {}, { timeout: 100 });
  },

  async none() {
    const micro = footfallMicro({ url: MICRO });
    const page = await open('/shop', micro, 'https://stats.example.com');
    await page.click('button');
    const { seq } = await micro.expectEvent('purchase');
    await micro.expectNoEvent('purchase', {}, { timeout: 0, after: seq });
    await micro.expectNoEvent('purchase', { order: { order_id: 'A-1' } });
  },

  async own_tag() {
    const micro = footfallMicro({ url: MICRO });
    const page = await (await browser.newContext({ userAgent: AGENT })).newPage();
    await page.goto(PAGES + '/empty');
    await page.setContent(`<title>Own</title>${micro.tag}`);
    return (await micro.expectEvent('page_view')).title;
  },

  async not_running() {
    await footfallMicro({ url: 'http://127.0.0.1:9' }).events();
  },

  async wrong() {
    await footfallMicro({ url: MICRO }).expectEvent('purchase', {}, { timeout: 90_000 });
  },

  async reset() {
    const micro = footfallMicro({ url: MICRO + '/' });
    await micro.reset();
    return micro.events();
  },
};

const told: Record<string, unknown> = { leaked };
for (const [name, run] of Object.entries(cases))
  told[name] = await run().catch((error: unknown) => ({ threw: (error as Error).message }));
await browser.close();
console.log(JSON.stringify(told));
