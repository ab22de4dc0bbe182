import { afterEach, expect, test } from 'vitest';
import { close, press, show } from './page';

afterEach(close);

const find = (selector: string): Element => document.querySelector(selector)!;

test('a click becomes the event, with its props', async () => {
  const page = show('<div data-footfall-event="signup" data-footfall-prop-plan="pro" data-footfall-prop-paid-by="jane@example.com"><i>x</i></div>');
  press(find('i'));
  expect((await page.events('signup'))[0]!.props).toEqual({ plan: 'pro', paid_by: '*' });
});

test('of a form, sending it', async () => {
  const page = show('<form data-footfall-event="asked"><button data-footfall-event="pressed">x</button></form>');
  press(find('form'));
  expect(await page.events('asked')).toEqual([]);
  find('form').dispatchEvent(new Event('submit', { bubbles: true }));
  expect(await page.events('asked')).toHaveLength(1);
  press(find('button'));
  expect(await page.events('pressed')).toHaveLength(1);
});

test('a label and its field are one click', async () => {
  const page = show('<label data-footfall-event="chosen">x <input type="checkbox"></label>');
  press(find('label'));
  press(find('input'));
  expect(await page.events('chosen')).toHaveLength(1);
});

test('switched off', async () => {
  const page = show('<b data-footfall-event="signup">x</b>', undefined, { off: 'attributes' });
  press(find('b'));
  expect(await page.events('signup')).toEqual([]);
});
