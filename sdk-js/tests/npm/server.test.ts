// @vitest-environment node
import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { fileBox } from '../../src/npm/server/box';
import { OpenBatches } from '../../src/npm/server/open';
import { reasonOf, speaking, takenOf } from '../../src/npm/server/problems';
import { FootfallTracker, type Problem } from '../../src/npm/node';

const directory = (): string => mkdtempSync(join(tmpdir(), 'footfall-'));
const BATCH = '{"events":[{"name":"a"}]'; // as core cuts it, without its last brace

test('a box of files gives back what was put in, in another process too', () => {
  const place = join(directory(), 'queue');
  const box = fileBox(place);
  expect(() => readdirSync(place)).toThrow(); // nothing is made before there is something
  box['ff.pub_x.1'] = BATCH;
  box['ff.pub_x!'] = '1';
  delete box['ff.pub_x!'];
  expect(Object.keys(box)).toEqual(['ff.pub_x.1']);
  expect({ ...fileBox(place) }).toEqual({ 'ff.pub_x.1': BATCH });
});

test('a key is a name of a file, never a way out of the directory', () => {
  const place = directory();
  fileBox(join(place, 'queue'))['../../out'] = '1';
  expect(readdirSync(place)).toEqual(['queue']);
});

test('a file that was not written to its end is gone', () => {
  const place = directory();
  writeFileSync(join(place, 'batch.1.footfall'), BATCH.slice(0, 9));
  writeFileSync(join(place, 'batch.2.footfall'), '');
  writeFileSync(join(place, 'batch.3.footfall.new'), BATCH);
  expect(Object.keys(fileBox(place))).toEqual([]);
  expect(readdirSync(place)).toEqual([]);
});

test('files of others in the directory are neither read nor deleted', () => {
  const place = directory();
  writeFileSync(join(place, 'tsconfig.json'), '// with a comment\n{}');
  writeFileSync(join(place, 'a.json.new'), '');
  expect(Object.keys(fileBox(place))).toEqual([]);
  expect(readdirSync(place)).toEqual(['a.json.new', 'tsconfig.json']);
});

test('what cannot be read is no harm', () => {
  const place = directory();
  mkdirSync(join(place, 'batch.1.footfall'));
  expect(Object.keys(fileBox(place))).toEqual([]);
});

test('setting throws where nothing can be written, so that memory takes it', () => {
  const file = join(directory(), 'file');
  writeFileSync(file, '');
  const box = fileBox(file);
  expect(() => (box.a = '1')).toThrow();
  expect(Object.keys(box)).toEqual([]);
});

test('events of the same client share a batch', () => {
  const open = new OpenBatches();
  open.add('1', 1, { address: '::1' });
  open.add('2', 1, {});
  const third = open.add('3', 1, { address: '::1' });
  expect(open.take(third).map(({ events }) => events)).toEqual([['1', '3']]);
  expect(open.take().map(({ events }) => events)).toEqual([['2']]);
  expect(open.take()).toEqual([]);
});

test.each([
  [[401, 0, '{"error":"key","message":"this key is revoked"}'], /401: .*footfall key list.*this key is revoked/],
  [[413, 0, '<html>'], /413: the batch is too large/],
  [[308], /name that one/],
  [[0], /is the gateway up/],
  [[502, 0, ''], /502: an error on the way/],
] as const)('%j is told in words', (answer, words) => {
  expect(reasonOf([...answer])).toMatch(words);
});

test('an answer that is no answer of the gateway counts as taken', () => {
  expect(takenOf('ok', 3)).toEqual({ accepted: 3, rejected: [] });
  expect(takenOf('{"accepted":2,"rejected":[{"index":0,"reason":"too_old"}]}', 3).accepted).toBe(2);
});

test('problems are said once a minute', () => {
  vi.useFakeTimers();
  const warn = vi.spyOn(console, 'warn').mockReturnValue();
  const say = speaking();
  const problem: Problem = { kind: 'lost', message: 'x', events: 2 };
  say(problem);
  say(problem);
  say({ ...problem, kind: 'waiting' });
  expect(warn.mock.calls).toEqual([['footfall: lost: 2 events: x'], ['footfall: waiting: 2 events: x']]);
  vi.advanceTimersByTime(60_000);
  say(problem);
  expect(warn).toHaveBeenCalledTimes(3);
  vi.useRealTimers();
  warn.mockRestore();
});

test('nothing throws: what is no JSON, what is too large, a listener that fails', async () => {
  const problems: Problem[] = [];
  const onError = (problem: Problem): void => {
    problems.push(problem);
    throw new Error('of the server');
  };
  const tracker = new FootfallTracker({ apiKey: 'sk_ci_x', endpoint: 'not an address', onError });
  tracker.track('big', { props: { number: 1n as unknown as number } });
  tracker.track('huge', { props: { text: 'x'.repeat(600_000) } });
  tracker.track('fine', null as never);
  expect(await tracker.flush()).toEqual({ sent: 0, rejected: 0, lost: 2, waiting: 1 });
  expect(problems.map(({ kind }) => kind)).toEqual(['lost', 'lost', 'waiting']);
  expect(await tracker.close({ timeout: 50 })).toEqual({ sent: 0, rejected: 0, lost: 3, waiting: 0 });
});
