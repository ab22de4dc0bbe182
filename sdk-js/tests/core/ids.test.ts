import { expect, test } from 'vitest';
import { madeAt, uuid7 } from '../../src/core/ids';

const TIMES = [Date.UTC(2010, 0, 1), Date.UTC(2026, 10, 27, 18, 57), Date.UTC(2100, 0, 1)];

test.each(TIMES)('at %d: of version 7, of the RFC variant, with its time', (time) => {
  const id = uuid7(time);
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(madeAt(id)).toBe(time);
});

test('ids sort by their time', () => {
  const ids = TIMES.map(uuid7);
  expect([...ids].sort()).toEqual(ids);
});

test('ids of one millisecond differ', () => {
  const ids = Array.from({ length: 10_000 }, () => uuid7(TIMES[1]!));
  expect(new Set(ids).size).toBe(ids.length);
});
