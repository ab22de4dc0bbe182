import type { Tracker } from '../core/tracker';

/** What nothing is read of. */
export const PRIVATE = '[data-footfall-private],[contenteditable]';
const UNREAD = PRIVATE + ',input,textarea,select,script,style,[hidden]';
const BLOCK = /^(br|div|h\d|li|p|t[dhr])$/;

/** How much is read, with the space that pages are indented by: a secret must be seen whole to be masked. */
const MOST_CHARS = 2e3;
const MOST_NODES = 200;

/**
 * An element's text, masked, at most so many characters: never of fields, nor of what is private. Taken from
 * the nodes, since `innerText` would make the browser lay out the page.
 */
export function textOf(tracker: Tracker, element: Element, most = 100): string {
  if (element.matches(UNREAD)) return '';
  let text = '';
  let left = MOST_NODES;
  const read = (parent: Element): void => {
    for (let node = parent.firstChild as Element | null; node && left-- > 0 && text.length < MOST_CHARS; node = node.nextSibling as Element | null)
      if (node.nodeType == 3) text += node.nodeValue!;
      else if (node.matches && !node.matches(UNREAD)) {
        const gap = BLOCK.test(node.localName) ? ' ' : '';
        text += gap;
        read(node);
        text += gap;
      }
  };
  read(element);
  return tracker.mask(text.replace(/\s+/g, ' ').trim() || element.getAttribute('aria-label') || '', most);
}

/** An attribute as it may be sent. */
export function attribute(tracker: Tracker, element: Element, name: string, most?: number): string {
  return tracker.mask(element.getAttribute(name) || '', most);
}
