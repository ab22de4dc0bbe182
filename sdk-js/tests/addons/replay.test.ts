import { afterEach, expect, test, vi } from 'vitest';
import { replay } from '../../src/addons/replay';
import { close, show } from '../auto/page';

afterEach(close);

const RECORDER = 'https://shop.example/recorder.js';
/** Scripts that were asked for, of which none is fetched. */
function loads(): string[] {
  const found: string[] = [];
  vi.spyOn(document.head, 'append').mockImplementation((...nodes) => void found.push(...nodes.map((node) => (node as HTMLScriptElement).src)));
  return found;
}

test('the recorder is loaded once, and only with consent', () => {
  const page = show('', undefined, { recorder: RECORDER });
  const found = loads();
  replay(page.tracker);
  page.tracker.consent('denied');
  expect(found).toEqual([]);
  page.tracker.consent('granted');
  page.tracker.consent('granted');
  expect(found).toEqual([RECORDER]);
});

test('never under GPC', () => {
  const page = show('', undefined, { recorder: RECORDER, consent: 'granted' });
  const found = loads();
  page.tracker.platform.asked = () => true;
  replay(page.tracker);
  page.tracker.consent('granted');
  expect(found).toEqual([]);
});
