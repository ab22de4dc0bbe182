/** Ids that a person gave: those that programs make up have numbers or colons in them. */
const STABLE = /^[a-z_-]{1,40}\d?\d?$/i;
const LEVELS = 6;

/** Where an element is: a short CSS selector, from the nearest id on. `>>>` is the border of a shadow tree. */
export function placeOf(element: Element): string {
  let path = '';
  let node: Element | undefined = element;
  for (let level = LEVELS; node && level--; ) {
    const { localName, parentElement, parentNode }: Element = node;
    const id = node.getAttribute('id') || '';
    if (STABLE.test(id)) return `#${id}${path}`;
    let nth = 1;
    for (let other: Element | null = node; (other = other.previousElementSibling); ) if (other.localName == localName) nth++;
    path = `${localName}:nth-of-type(${nth})${path}`;
    node = parentElement || (parentNode as ShadowRoot | null)?.host;
    if (node && level) path = (parentElement ? '>' : '>>>') + path;
  }
  return path;
}
