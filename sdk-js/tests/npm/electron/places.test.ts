import { expect, test } from 'vitest';
import { placing, scrubbing } from '../../../src/npm/electron/places';

test.each([
  ['file:///Users/anna/app/dist/index.html', 'file:///Users/anna/app/dist/index.html#/cart?x=1', 'https://shop.example/index.html#/cart?x=1'],
  ['file:///Users/anna/app/dist/index.html', 'file:///Users/anna/app/dist/pages/help.html', 'https://shop.example/pages/help.html'],
  ['file:///Users/anna/app/dist/index.html', 'file:///Users/anna/Documents/taxes.pdf', 'https://shop.example/'],
  ['file:///Users/anna/app/dist/index.html', 'file:///Users/anna/app/dist/../../taxes.pdf', 'https://shop.example/'],
  ['file:///C:/Users/anna/app/index.html', 'file:///C:/Users/anna/app/index.html#/', 'https://shop.example/index.html#/'],
  ['file://server/share/anna/index.html', 'file://server/share/anna/index.html', 'https://shop.example/index.html'],
  ['file://server/share/anna/index.html', 'file:///share/anna/index.html', 'https://shop.example/'],
  ['app://bundle/settings/index.html', 'app://bundle/cart?utm_source=x', 'https://shop.example/cart?utm_source=x'],
  ['app://bundle/index.html', 'app://other/cart', ''],
  ['app://bundle/index.html', 'local:///Users/anna/a.png', ''],
  ['app://bundle/index.html', 'mailto:anna@shop.example', ''],
  ['file:///Users/anna/app/index.html', 'https://other.example/a', 'https://other.example/a'],
  ['file:///Users/anna/app/index.html', 'no address', 'no address'],
])('of a page %s: %s is %s', (page, given, wanted) => {
  expect(placing('shop.example', page)(given)).toBe(wanted);
});

const MAC = scrubbing('/Users/anna/Shop.app/app.asar', ['/Users/anna/Library/Application Support/Shop', '/Users/anna']);
const WINDOWS = scrubbing('C:\\Users\\Anna Lee\\AppData\\Local\\shop\\app.asar', ['C:\\Users\\Anna Lee']);

test.each([
  [MAC, 'at pay (file:///Users/anna/Shop.app/app.asar/dist/main.js:10:5)', 'at pay (dist/main.js:10:5)'],
  [MAC, "ENOENT: no such file, open '/Users/anna/taxes.pdf'", "ENOENT: no such file, open '*'"],
  [MAC, '/Users/anna/Library/Application Support/Shop/db is locked', '* is locked'],
  [MAC, '/Users/berta/notes.txt and /home/carl/x', '* and *'],
  [MAC, 'file:///etc/hosts', '*'],
  [MAC, 'https://shop.example/home/users and /cart', 'https://shop.example/home/users and /cart'],
  [WINDOWS, 'at pay (file:///C:/Users/Anna%20Lee/AppData/Local/shop/app.asar/dist/main.js:1:2)', 'at pay (dist/main.js:1:2)'],
  [WINDOWS, 'C:\\Users\\Anna Lee\\AppData\\Local\\shop\\app.asar\\dist\\main.js', 'dist\\main.js'],
  [WINDOWS, 'open C:\\Users\\Anna Lee\\taxes.pdf failed', 'open * failed'],
  [WINDOWS, 'D:\\work\\x.txt, D:/work/x.txt, \\\\server\\share\\x', '* * *'],
  [WINDOWS, 'price: 3/4', 'price: 3/4'],
])('%#: no path of the machine is left in a text', (scrub, given, wanted) => {
  expect(scrub(given)).toBe(wanted);
});

test('texts at any depth, and names of props', () => {
  expect(MAC({ '/Users/anna/a': 1, list: [{ text: '/Users/anna/b' }], none: null, number: 2 })).toEqual({
    '*': 1, list: [{ text: '*' }], none: null, number: 2,
  }); // prettier-ignore
});
