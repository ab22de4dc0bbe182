import { afterEach, describe, expect, test } from 'vitest';
import { close, type Page, press, show } from './page';

afterEach(close);

const one = async (page: Page) => {
  const clicks = await page.events('click');
  expect(clicks).toHaveLength(1);
  return clicks[0]!;
};
const find = (selector: string): Element => document.querySelector(selector)!;

describe('a click', () => {
  test('tells element and position, of the innermost that does something', async () => {
    const page = show('<main><div><button role="switch" name="x">Buy\n  <b>now</b></button></div></main>');
    press(find('b'));
    const { element, props } = await one(page);
    expect(element).toEqual({
      tag: 'button', id: '', role: 'switch', text: 'Buy now', href: '', x: 0, y: 0,
      selector: 'html:nth-of-type(1)>body:nth-of-type(1)>main:nth-of-type(1)>div:nth-of-type(1)>button:nth-of-type(1)',
    }); // prettier-ignore
    expect(props).toEqual({ viewport_x: 10, viewport_y: 21 });
  });

  test.each([
    ['<i>no</i>', 'i', false],
    ['<input type="text">', 'input', false],
    ['<input type="checkbox">', 'input', true],
    ['<input type="submit" value="Jane">', 'input', true],
    ['<div role="menuitemradio">x</div>', 'div', true],
    ['<details><summary>x</summary></details>', 'summary', true],
    ['<div onclick="void 0"><i>x</i></div>', 'i', true],
  ])('%s counts as it should', async (html, selector, counts) => {
    const page = show(html);
    press(find(selector));
    expect(await page.events('click')).toHaveLength(counts ? 1 : 0);
  });

  test('of a script, or of the right button, is none', async () => {
    const page = show('<button>x</button>');
    (find('button') as HTMLElement).click();
    press(find('button'), { type: 'auxclick', button: 2 });
    press(find('button'), { type: 'auxclick', button: 1 });
    expect(await page.events('click')).toEqual([]);
  });

  test('by the keyboard has no position', async () => {
    const page = show('<button>x</button>');
    press(find('button'), { clientX: 0, clientY: 0 });
    const { element, props } = await one(page);
    expect(element).not.toHaveProperty('x');
    expect(props).toEqual({});
  });

  test('on a label is one, though browsers make two of it', async () => {
    const page = show('<label for="a">News</label><input id="a" type="checkbox">');
    press(find('label'));
    press(find('input'));
    expect((await one(page)).element!.text).toBe('News');
  });

  test('reaches into open shadow trees', async () => {
    const page = show('<my-shop id="shop"></my-shop>');
    const root = find('my-shop').attachShadow({ mode: 'open' });
    root.innerHTML = '<p><button>In</button></p>';
    press(root.querySelector('button')!);
    expect((await one(page)).element).toMatchObject({ tag: 'button', text: 'In', selector: '#shop>>>p:nth-of-type(1)>button:nth-of-type(1)' });
  });

  test('names no id that a program made up, and at most six levels', async () => {
    const deep = '<div>'.repeat(9);
    const page = show(`<div id="radix-:r1:"><i></i>${deep}<a>x</a></div>`);
    press(find('a'));
    expect((await one(page)).element!.selector).toBe('div:nth-of-type(1)>'.repeat(5) + 'a:nth-of-type(1)');
  });
});

describe('its text', () => {
  test.each([
    ['<button>A<div>B</div>C</button>', 'A B C'],
    ['<button><svg><title>Close</title></svg><style>.a{}</style><span hidden>h</span></button>', 'Close'],
    ['<button aria-label="Close"><svg></svg></button>', 'Close'],
    ['<label>Name <textarea>secret</textarea><select><option>secret</option></select></label>', 'Name'],
    ['<a href="/x"><span data-footfall-private>secret</span> x</a>', 'x'],
    ['<div data-footfall-private><button>secret</button></div>', ''],
    ['<button data-footfall-private aria-label="secret">secret</button>', ''],
    ['<div contenteditable><a href="/x">secret</a></div>', ''],
    ['<button>Write to jane@<b>example</b>.com</button>', 'Write to *'],
    [`<button>${'long '.repeat(99)}</button>`, 'long '.repeat(20)],
  ])('%s', async (html, text) => {
    const page = show(html);
    press(document.querySelector('a,button,label')!);
    expect((await one(page)).element!.text).toBe(text);
  });
});

describe('a link', () => {
  test.each([
    ['/about', undefined, 'https://shop.example/about'],
    ['https://blog.example/a?token=x#y', 'outbound', 'https://blog.example/a'],
    ['/price-list.PDF?v=2', 'download', 'https://shop.example/price-list.PDF'],
    ['https://cdn.example/app.dmg', 'download', 'https://cdn.example/app.dmg'],
    ['mailto:jane@example.com', 'mailto', ''],
    ['tel:110', 'tel', ''],
    ['javascript:alert(1)', undefined, ''],
  ])('%s', async (href, link, sent) => {
    const page = show(`<a href="${href}"><i>x</i></a>`);
    press(find('i'), { type: 'auxclick', button: 1 });
    const event = await one(page);
    expect(event.props!.link).toBe(link);
    expect(event.element!.href).toBe(sent);
  });

  test('to a file that is made to be saved is a download', async () => {
    const page = show('<a href="/report" download>x</a>');
    press(find('a'));
    expect((await one(page)).props!.link).toBe('download');
  });

  test('that is private does not tell where it leads', async () => {
    const page = show('<a data-footfall-private href="https://blog.example/jane">x</a>');
    press(find('a'));
    expect((await one(page)).element!.href).toBe('');
  });
});

test('where the visitor asks for privacy, no click id is sent with any address', async () => {
  Object.defineProperty(navigator, 'globalPrivacyControl', { value: true, configurable: true });
  const page = show('<a href="https://blog.example/?gclid=abc&utm_source=shop">x</a>', 'https://shop.example/?gclid=abc');
  press(find('a'));
  press(find('a'));
  Reflect.deleteProperty(navigator, 'globalPrivacyControl');
  const clicks = await page.events('click');
  expect(clicks.map(({ element, url }) => [element!.href, url])).toEqual(
    Array(2).fill(['https://blog.example/?utm_source=shop', 'https://shop.example/']),
  );
});

test('clicks and links are switched off one by one', async () => {
  const both = '<button>x</button><a href="https://blog.example/">x</a>';
  const links = show(both, undefined, { off: 'clicks' });
  press(find('button'));
  press(find('a'));
  expect((await one(links)).props!.link).toBe('outbound');
  close();

  const clicks = show(both, undefined, { off: 'links' });
  press(find('a'));
  expect((await one(clicks)).props!.link).toBeUndefined();
  close();

  const none = show(both, undefined, { off: 'links clicks' });
  press(find('a'));
  press(find('button'));
  expect(await none.events('click')).toEqual([]);
});
