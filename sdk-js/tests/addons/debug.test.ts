import { afterEach, expect, test, vi } from 'vitest';
import { debug } from '../../src/addons/debug';
import type { Options } from '../../src/core/options';
import { close, show } from '../auto/page';

afterEach(close);

/** What is said in the console of a page, and its tracker. */
function telling(options: Partial<Options> = {}) {
  const lines: string[] = [];
  vi.spyOn(console, 'info').mockImplementation((_, __, text) => void lines.push(text as string));
  const { tracker } = show('', undefined, options);
  debug(tracker);
  return { tracker, lines };
}

const BODY = '{"batch_id":"b","events":[{"name":"page_view"},{"name":"purchase"}]';

test('events that wait for consent say so', () => {
  const { tracker, lines } = telling({ consent: 'pending' });
  tracker.track('signup');
  expect(lines.at(-1)).toMatch(/^event signup, held until the visitor has answered/);
});

test('each answer, and what to do', () => {
  const { tracker, lines } = telling();
  const after = (...what: Parameters<NonNullable<typeof tracker.say>>): string => {
    lines.length = 0;
    tracker.say?.(...what);
    return lines.join('\n');
  };
  const accepted = '{"accepted":1,"rejected":[{"index":1,"reason":"missing_part"}]}';
  expect(after('done', BODY, [202, 0, accepted])).toMatch(/1 of 2 \(page_view, purchase\)[^]*REJECTED: purchase: .*needs its part/);
  expect(after('done', BODY, [202, 0, '{"accepted":0,"rejected":[]}'])).toContain('NOT COUNTED');
  expect(after('done', BODY, [403, 0, '{}'])).toMatch(/REFUSED: .*403: .*--add-domain/);
  expect(after('retry', BODY, [503, 7, ''])).toMatch(/again later: .*503.*asks for 7 s/);
  expect(after('retry', BODY, [0])).toContain('connect-src');
  expect(after('lost', BODY)).toContain('LOST');
  expect(after('strict', ['{"name":"n"}'])).toContain('GPC');
});
