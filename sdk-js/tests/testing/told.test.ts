import { expect, test } from 'vitest';
import type { Bad, Received } from '../../src/testing/received';
import { counts, differences, nearest, refused } from '../../src/testing/told';

const event = (seq: number, more: Partial<Received> = {}): Received =>
  ({ seq, name: 'purchase', enriched: { page: { path: '/thanks' } }, ...more }) as Received;

test.each([
  [{ a: 1 }, { a: 1, b: 2 }, []],
  [{ a: { b: 1 } }, { a: { b: 2 } }, ['a.b is 2, not 1']],
  [{ a: { b: 1 } }, {}, ['a is not there, not {"b":1}']],
  [{ a: null }, {}, []],
  [{ a: null }, { a: 0 }, ['a is 0, not null']],
  [{ a: [1] }, { a: [1, 2] }, ['a has 2 entries, not 1']],
  [{ a: [{ b: 1 }, 2] }, { a: [{ b: 1, c: 1 }, 3] }, ['a[1] is 3, not 2']],
  [{ a: [1] }, { a: 'x' }, ['a is "x", not [1]']],
])('differences of %j and %j', (wanted, found, told) => {
  expect(differences(wanted, found)).toEqual(told);
});

test('the nearest come first, three of them, each in a line that can be read', () => {
  const wanted = { order: { order_id: 'A-9', revenue: 1 } };
  const came = [1, 2, 3, 4, 5].map((seq) => event(seq, { order: { order_id: `A-${seq}`, revenue: seq == 2 ? 1 : 7 } }));
  const lines = nearest('purchase', wanted, [...came, event(6, { name: 'search' }), event(7, { duplicate: true })]);
  expect(lines.map((line) => line.slice(0, 2))).toEqual(['#2', '#5', '#4']);
  expect(lines[0]).toBe('#2 purchase /thanks: order.order_id is "A-2", not "A-9"');
});

test('a report stays short whatever came', () => {
  const many = Array.from({ length: 2000 }, (_, seq) => event(seq, { name: `n${seq}`, order: { order_id: 'x'.repeat(400) } }));
  expect(counts(many)).toMatch(/^n0 \(1\), .* and 1990 more$/);
  const same = many.map((one) => ({ ...one, name: 'purchase' }));
  const wanted = { order: { order_id: 'y'.repeat(400) } };
  expect(nearest('purchase', wanted, same).join('\n').length).toBeLessThan(1500);
  const bad = many.map((one): Bad => ({ seq: one.seq, kind: 'event', path: '/v1/batch', site: 's', received_at: 0, event: one }));
  expect(refused(bad).join('\n').length).toBeLessThan(1500);
});

test('a request that was refused as a whole', () => {
  const bad: Bad = {
    seq: 1, kind: 'request', path: '/v1/batch', site: 's', received_at: 0, method: 'POST', status: 403, message: 'not of this site',
  }; // prettier-ignore
  expect(refused([bad])).toEqual(['POST /v1/batch was answered 403: not of this site']);
});
