import { afterEach, expect, test } from 'vitest';
import { errors } from '../../src/addons/errors';
import { close, show } from '../auto/page';

afterEach(close);

const thrown = (message: string, more: ErrorEventInit = {}): void =>
  void window.dispatchEvent(new ErrorEvent('error', { message, filename: 'https://shop.example/a.js?v=s3cret', lineno: 3, colno: 7, ...more }));
const leave = (page: ReturnType<typeof show>): void => page.tracker.leaving.forEach((work) => work());

test('is sent once, and counted when the page is left', async () => {
  const page = show('');
  errors(page.tracker);
  for (let time = 0; time < 3; time++) thrown('broken');
  thrown('broken', { lineno: 4 });
  leave(page);
  leave(page);
  const told = await page.events('error');
  expect(told.map(({ error, props }) => [error!.line, props!.count])).toEqual([[3, undefined], [4, undefined], [3, 2]]); // prettier-ignore
  expect(told[0]!.error).toMatchObject({ message: 'broken', source: 'https://shop.example/a.js', column: 7 });
});

test('secrets do not leave with messages and stacks', async () => {
  const page = show('');
  errors(page.tracker);
  const error = new Error('x');
  error.stack = 'Error: of jane@example.org\n at f (https://shop.example/b.js?token=s3cret:3:9)';
  thrown('of jane@example.org', { error });
  const [told] = await page.events('error');
  expect(told!.error).toMatchObject({ message: 'of *', stack: 'Error: of *\n at f (https://shop.example/b.js:3:9)' });
});

test('of other origins only that there was one is known', async () => {
  const page = show('');
  errors(page.tracker);
  thrown('Script error.', { filename: '', lineno: 0, colno: 0 });
  thrown('Script error.', { filename: '', lineno: 0, colno: 0 });
  const told = await page.events('error');
  expect(told.map(({ error }) => error)).toEqual([{ message: 'Script error.', source: '', line: 0, column: 0, stack: '' }]);
});

test('at most 20 different ones of a page', async () => {
  const page = show('');
  errors(page.tracker);
  for (let line = 1; line <= 30; line++) thrown('broken', { lineno: line });
  expect(await page.events('error')).toHaveLength(20);
});

test.each([[undefined, ''], ['a text', 'a text'], [7, '7'], [{ secret: 1 }, '[object Object]']])(
  'a rejection may have any reason: %s',
  async (reason, message) => {
    const page = show('');
    errors(page.tracker);
    window.dispatchEvent(Object.assign(new Event('unhandledrejection'), { reason }));
    const [told] = await page.events('error');
    expect(told!.error!.message).toBe(message);
    expect(told!.props).toEqual({ kind: 'rejection' });
  },
); // prettier-ignore
