import { afterEach, expect, test, vi } from 'vitest';
import { close, press, show } from './page';

afterEach(close);

const SECRETS = {
  typed: 'hunter2 is what I typed',
  mail: 'jane.doe@example.com',
  card: '4111 1111 1111 1111',
  phone: '+49 151 23456789',
  token: 'ghp16C7e42F292c6912E7710c838347Ae178B4a',
  jwt: 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJqYW5lIn0.abc',
};
const seen = `${SECRETS.mail} ${SECRETS.card} ${SECRETS.phone} ${SECRETS.token} ${SECRETS.jwt}`;
const HTML = `
  <form id="${SECRETS.mail}" name="${SECRETS.token}" action="/pay?card=${SECRETS.card}" data-footfall-event="paid" data-footfall-prop-by="${SECRETS.mail}">
    <label>${seen}<input name="${SECRETS.mail}" required value="${SECRETS.typed}"></label>
    <input type="password" value="${SECRETS.typed}" name="password">
    <input type="hidden" value="${SECRETS.typed}" name="csrf">
    <textarea name="text">${SECRETS.typed}</textarea>
    <select name="who"><option selected>${SECRETS.typed}</option></select>
    <input type="checkbox" value="${SECRETS.typed}" aria-label="${SECRETS.typed}">
    <input type="submit" value="${SECRETS.typed}">
  </form>
  <div contenteditable="true"><a href="/x">${SECRETS.typed}</a></div>
  <div data-footfall-private><button aria-label="${SECRETS.typed}">${SECRETS.typed}</button><a href="/of/${SECRETS.mail}">${SECRETS.typed}</a></div>
  <a id="${SECRETS.token}" role="${SECRETS.mail}" href="/reset/${SECRETS.token}?mail=${SECRETS.mail}&jwt=${SECRETS.jwt}">${seen}</a>
  <a href="mailto:${SECRETS.mail}">Write</a><a href="tel:${SECRETS.phone}">Call</a>
  <a href="https://other.example/${SECRETS.mail}">away</a>
  <button data-footfall-event="${SECRETS.mail}" data-footfall-prop-x="${seen}">${SECRETS.mail.replace('@', '@<b>')}</b></button>
  <i data-footfall-product='{"item_id":"1","item_name":"${seen}","item_brand":"${SECRETS.mail}"}'></i>
  <p data-footfall-results="${SECRETS.card}"></p>`;

test('of a page full of secrets none is on the wire', async () => {
  const Seen = class {
    constructor(private readonly told: (entries: object[]) => void) {}
    observe(target: Element): void {
      this.told([{ target, intersectionRatio: 1, intersectionRect: { height: 1 } }]);
    }
    disconnect(): void {
      // nothing to end
    }
  };
  vi.stubGlobal('IntersectionObserver', Seen);
  document.title = `Order of ${SECRETS.mail}, ${SECRETS.card}`;
  const page = show(HTML, `https://shop.example/user/${SECRETS.mail}?q=${encodeURIComponent(seen)}&token=${SECRETS.token}#${SECRETS.jwt}`);
  const all = [...document.querySelectorAll<HTMLInputElement>('body *')];
  for (const element of all) {
    press(element);
    for (const name of ['focusin', 'input', 'change', 'keydown', 'focusout'])
      element.dispatchEvent(new Event(name, { bubbles: true, composed: true }));
    element.setCustomValidity?.(SECRETS.typed);
    if ('validity' in element) element.dispatchEvent(new Event('invalid'));
    element.setAttribute('aria-invalid', 'true');
  }
  document.querySelector('form')!.dispatchEvent(new Event('submit', { bubbles: true }));
  vi.advanceTimersByTime(2000);
  history.pushState({}, '', `/next/${SECRETS.token}?mail=${SECRETS.mail}`);
  page.tracker.page();
  page.tracker.leave();

  const names = new Set((await page.events()).map(({ name }) => name));
  for (const name of ['page_view', 'path_change', 'page_leave', 'click', 'form_start', 'form_submit', 'form_error', 'field_focus', 'field_blur', 'product_view', 'product_leave', 'search', 'paid'])
    expect(names, name).toContain(name); // all kinds were there to give something away
  const wire = page.bodies.join('\n');
  for (const [kind, secret] of Object.entries(SECRETS))
    for (const part of new Set([secret, encodeURIComponent(secret), secret.replace(/\s/g, ''), secret.slice(0, 12), secret.slice(-10)]))
      expect(wire.includes(part), `${kind}: ${part}`).toBe(false);
});
