import { expect, test } from 'vitest';
import { cleanUrl, mask } from '../../src/core/privacy';

test.each([
  ['write to jane.doe@example.com now', 'write to * now'],
  ['jane%40example.com', '*'],
  ['card 4111 1111 1111 1111', 'card *'],
  ['call +49 30 12345678', 'call *'],
  ['order 1234', 'order 1234'],
])('of %s stays %s', (text, kept) => {
  expect(mask(text)).toBe(kept);
  expect(mask(kept)).toBe(kept);
});

test('a text is cut, and an address at the cut goes whole', () => {
  expect(mask('a b '.repeat(500))).toHaveLength(512);
  expect(mask('x '.repeat(253) + 'jane@example.com')).not.toContain('jane');
});

test.each([
  ['https://me:pw@shop.example/a?utm_source=x&id=7#top', 'https://shop.example/a?utm_source=x'],
  ['https://shop.example/#/cart?step=2', 'https://shop.example/#/cart'],
  ['https://shop.example/?gclid=abc', 'https://shop.example/'],
  ['no address', ''],
])('of %s is sent %s', (url, sent) => {
  expect(cleanUrl(url, [], false)).toBe(sent);
});

test('what is allowed is kept; click ids only where they may', () => {
  expect(cleanUrl('https://shop.example/?id=7&x=1', ['id'], false)).toBe('https://shop.example/?id=7');
  expect(cleanUrl('https://shop.example/?gclid=abc', [], true)).toBe('https://shop.example/?gclid=abc');
});
