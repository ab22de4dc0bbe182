import type { Tracker } from '../core/tracker';
import type { Props } from '../generated/event';
import { guarded, listen, pathOf } from './guard';
import { placeOf } from './places';
import { attribute } from './texts';

type Field = HTMLInputElement;

/** Whether something is filled in there. */
const isField = (element: Element): unknown =>
  (element as Field).validity && !/^(hidden|image|button|submit|reset)$/.test((element as Field).type);

/** Names of forms and fields, and what kind of error there is: never what is in a field. */
export function forms(tracker: Tracker): void {
  /** Forms that were begun, fields that are wrong. */
  const known = new WeakSet<Element>();
  let entered = 0;

  const tell = (name: string, form: Element | null, field?: Field, message?: string, props?: Props): void =>
    tracker.track(name, props, {
      form: {
        // A form's `id` and `name` may be fields of these names.
        ...(form && { id: attribute(tracker, form, 'id') || placeOf(form), name: attribute(tracker, form, 'name') }),
        field: field && (attribute(tracker, field, 'name') || attribute(tracker, field, 'id') || field.type),
        message,
      },
    });

  /** Told once, until the field is entered again: pages check at every key. */
  const fail = (field: Field): void => {
    if (known.has(field)) return;
    known.add(field);
    let kind = 'invalid';
    // Not the browser's message: it may say what was typed.
    for (const key in field.validity) if (key != 'valid' && field.validity[key as 'badInput']) kind = key;
    tell('form_error', field.form, field, kind);
  };

  /** Errors that the page itself finds; from when the form is used. */
  const observer = new MutationObserver(
    guarded(tracker, (changes: MutationRecord[]) => {
      for (const { target } of changes)
        if (isField(target as Field) && (target as Field).getAttribute('aria-invalid') == 'true') fail(target as Field);
    }),
  );
  const watch = (form: Element): void => observer.observe(form, { subtree: true, attributeFilter: ['aria-invalid'] });

  listen(tracker, 'focusin focusout', (event) => {
    const { type, timeStamp } = event;
    const field = pathOf(event)[0] as Field;
    if (!isField(field)) return;
    const { form } = field;
    if (type == 'focusout') return tell('field_blur', form, field, '', { ms: Math.round(timeStamp - entered) });
    entered = timeStamp;
    known.delete(field);
    if (form && !known.has(form)) {
      known.add(form);
      watch(form);
      tell('form_start', form);
    }
    tell('field_focus', form, field);
  });
  listen(tracker, 'submit', ({ target }) => {
    const form = target as Element;
    known.delete(form);
    watch(form);
    tell('form_submit', form);
  });
  listen(tracker, 'invalid', ({ target }) => {
    // Pages that check a form nobody has touched yet find no error of anybody's.
    if (navigator.userActivation?.isActive ?? true) fail(target as Field);
  });
}
