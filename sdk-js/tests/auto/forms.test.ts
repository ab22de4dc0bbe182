import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { close, type Page, show } from './page';

beforeEach(() => vi.stubGlobal('navigator', navigator));
afterEach(close);

const FORM = '<form id="signup" name="start"><input name="mail" type="email" required><input id="pin" type="password"><button>Go</button></form>';
const find = (selector: string): HTMLInputElement => document.querySelector(selector)!;
const fire = (target: Element, name: string): void => void target.dispatchEvent(new Event(name, { bubbles: name != 'invalid', composed: true }));
const told = async (page: Page) =>
  (await page.events()).filter(({ form }) => form).map(({ name, form, props }) => [name, form!.field ?? '', form!.message ?? '', props?.ms ?? '']);

/** Enters a field, and leaves it. */
function visit(field: Element, ms = 1200): void {
  const at = performance.now();
  for (const [name, timeStamp] of [['focusin', at], ['focusout', at + ms]] as const) {
    const event = new Event(name, { bubbles: true, composed: true });
    Object.defineProperty(event, 'timeStamp', { value: timeStamp });
    field.dispatchEvent(event);
  }
} // prettier-ignore

test('a form is begun once, and told of with its names', async () => {
  const page = show(FORM);
  visit(find('[name=mail]'));
  visit(find('#pin'), 300);
  visit(find('button'));
  fire(find('form'), 'submit');
  expect(await told(page)).toEqual([
    ['form_start', '', '', ''],
    ['field_focus', 'mail', '', ''],
    ['field_blur', 'mail', '', 1200],
    ['field_focus', 'pin', '', ''],
    ['field_blur', 'pin', '', 300],
    ['form_submit', '', '', ''],
  ]);
  expect((await page.events('form_submit'))[0]!.form).toEqual({ id: 'signup', name: 'start' });
});

test('after it was sent, it can be begun again', async () => {
  const page = show(FORM);
  visit(find('#pin'));
  fire(find('form'), 'submit');
  visit(find('#pin'));
  expect(await page.events('form_start')).toHaveLength(2);
});

test('fields called id and name hide no names; without any, the place says which form it is', async () => {
  const page = show('<main><form><input name="id" value="jane"><input name="name" value="doe"><select></select></form></main>');
  visit(find('select'));
  const [start] = await page.events('form_start');
  expect(start!.form!.id).toBe('html:nth-of-type(1)>body:nth-of-type(1)>main:nth-of-type(1)>form:nth-of-type(1)');
  expect((await page.events('field_focus'))[0]!.form!.field).toBe('select-one');
});

test('a field without a form is a field, too', async () => {
  const page = show('<input name="alone">');
  visit(find('input'));
  expect(await told(page)).toEqual([['field_focus', 'alone', '', ''], ['field_blur', 'alone', '', 1200]]); // prettier-ignore
});

test('an error is told by its kind, once until the field is entered again', async () => {
  const page = show(FORM);
  const mail = find('[name=mail]');
  // As browsers have it: happy-dom's cannot be listed.
  Object.defineProperty(mail, 'validity', { value: { badInput: false, valueMissing: true, valid: false } });
  fire(mail, 'invalid');
  fire(mail, 'invalid');
  expect(await told(page)).toEqual([['form_error', 'mail', 'valueMissing', '']]);
  visit(mail);
  fire(mail, 'invalid');
  expect(await page.events('form_error')).toHaveLength(2);
});

test('what a page checks before anybody did anything is no error', async () => {
  vi.stubGlobal('navigator', Object.create(navigator, { userActivation: { value: { isActive: false } } }));
  const page = show(FORM);
  fire(find('[name=mail]'), 'invalid');
  expect(await told(page)).toEqual([]);
});

test('an error that the page itself finds', async () => {
  const page = show(FORM);
  fire(find('form'), 'submit');
  Object.defineProperty(find('#pin'), 'validity', { value: { valid: true } });
  find('#pin').setAttribute('aria-invalid', 'true');
  find('button').setAttribute('aria-invalid', 'true');
  await vi.waitFor(async () => expect(await page.events('form_error')).toHaveLength(1));
  expect((await told(page)).at(-1)).toEqual(['form_error', 'pin', 'invalid', '']);
  find('#pin').setAttribute('aria-invalid', 'false');
  await vi.advanceTimersByTimeAsync(1);
  expect(await page.events('form_error')).toHaveLength(1);
});

test('switched off', async () => {
  const page = show(FORM, undefined, { off: 'forms' });
  visit(find('#pin'));
  fire(find('form'), 'submit');
  expect(await told(page)).toEqual([]);
});
