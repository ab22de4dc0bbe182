import { afterEach, expect, test, vi } from 'vitest';
import { close, show } from './page';

afterEach(close);

test.each([
  ['https://shop.example/find?q=red+shoes', undefined, { term: 'red shoes' }],
  ['https://shop.example/?s=%20lamp%20&page=2', undefined, { term: 'lamp' }],
  ['https://shop.example/?q=jane%40example.com', undefined, { term: '*' }],
  ['https://shop.example/?wort=lampe&q=x', 'wort', { term: 'lampe' }],
  ['https://shop.example/?q=', undefined, undefined],
  ['https://shop.example/', undefined, undefined],
])('%s', async (url, names, search) => {
  const page = show('', url, { search: names });
  expect((await page.events('search'))[0]?.search).toEqual(search);
});

test('results are told where the page tells them', async () => {
  const page = show('<p data-footfall-results="12">12 of them</p>', 'https://shop.example/?q=lamp');
  expect((await page.events('search'))[0]!.search).toEqual({ term: 'lamp', results: 12 });
});

test('one search for a term, whatever page of results is shown', async () => {
  const page = show('', 'https://shop.example/?q=lamp');
  for (const query of ['?q=lamp&page=2', '?q=lamp', '?q=shoe', '?q=shoe&page=3']) {
    history.pushState({}, '', query);
    document.dispatchEvent(new Event('keydown', { bubbles: true }));
    vi.advanceTimersByTime(1100);
  }
  expect((await page.events('search')).map(({ search }) => search!.term)).toEqual(['lamp', 'shoe']);
  close();

  vi.spyOn(document, 'referrer', 'get').mockReturnValue('https://shop.example/?q=lamp');
  const second = show('', 'https://shop.example/?q=lamp&page=2');
  expect(await second.events('search')).toEqual([]);
});

test('switched off', async () => {
  const page = show('', 'https://shop.example/?q=lamp', { off: 'search' });
  expect(await page.events('search')).toEqual([]);
});
