// Generated from footfall/event.py by `make generate`: change it there.

export const MAX_BATCH_EVENTS = 500;
export const MAX_BATCH_BYTES = 1048576;
export const MAX_PROPS = 64;
export const MAX_PROP_BYTES = 1024;
export const MAX_NAME_CHARS = 64;
export const MAX_URL_CHARS = 2048;
export const MAX_ITEMS = 100;

/** The names Footfall knows; any other is a custom event. */
export type KnownName = 'page_view' | 'page_leave' | 'path_change' | 'click' | 'scroll' | 'form_start' | 'form_submit' | 'form_error' | 'field_focus' | 'field_blur' | 'product_view' | 'add_to_cart' | 'remove_from_cart' | 'checkout_step' | 'purchase' | 'search' | 'web_vital' | 'error' | 'identify' | 'consent' | 'request';

/** Of an event: text, number, truth. */
export type Props = Record<string, string | number | boolean | null>;

/** What one request to `POST /v1/batch` carries: one visitor's events, unless a server key names a visitor on each event. */
export interface Batch {
  events: Event[];
  batch_id?: string;
  /** From 0 to 253402300799999. */
  sent_at?: number;
  /** At most 64 characters. */
  visitor_id?: string;
  /** At most 256 characters. */
  user_id?: string;
  /** At most 16 characters. */
  consent?: string;
  /** At most 45 characters. */
  address?: string;
  /** At most 1024 characters. */
  user_agent?: string;
  /** At most 35 characters. */
  language?: string;
  /** From 0 to 2147483647. */
  viewport_width?: number;
  /** From 0 to 2147483647. */
  viewport_height?: number;
  /** From 0 to 2147483647. */
  screen_width?: number;
  /** From 0 to 2147483647. */
  screen_height?: number;
  /** At most 64 characters. */
  sdk?: string;
  /** From 0 to 2147483647. */
  lost?: number;
}

/** What was clicked: never a value somebody typed. */
export interface Element {
  /** At most 64 characters. */
  tag?: string;
  /** At most 512 characters. */
  id?: string;
  /** At most 64 characters. */
  role?: string;
  /** At most 512 characters. */
  text?: string;
  /** At most 1024 characters. */
  selector?: string;
  /** At most 2048 characters. */
  href?: string;
  /** From -2147483648 to 2147483647. */
  x?: number;
  /** From -2147483648 to 2147483647. */
  y?: number;
}

/** One thing that happened, as it comes in. */
export interface Event {
  /** At most 64 characters. */
  name: string;
  event_id?: string;
  /** From 0 to 253402300799999. */
  occurred_at?: number;
  /** At most 2048 characters. */
  url?: string;
  /** At most 2048 characters. */
  referrer?: string;
  /** At most 512 characters. */
  title?: string;
  /** At most 64 characters. */
  session_id?: string;
  /** At most 64 characters. */
  visitor_id?: string;
  /** At most 256 characters. */
  user_id?: string;
  /** From 0 to 86400000. */
  engaged_ms?: number;
  /** From 0 to 100. */
  scroll_depth?: number;
  element?: Element;
  form?: Form;
  items?: Item[];
  order?: Order;
  search?: Search;
  vital?: Vital;
  error?: Failure;
  request?: Request;
  props?: Props;
}

/** An error in the page. */
export interface Failure {
  /** At most 1024 characters. */
  message?: string;
  /** At most 2048 characters. */
  source?: string;
  /** From 0 to 2147483647. */
  line?: number;
  /** From 0 to 2147483647. */
  column?: number;
  /** At most 8192 characters. */
  stack?: string;
}

/** A form and, for field events, the field: names only. */
export interface Form {
  /** At most 512 characters. */
  id?: string;
  /** At most 512 characters. */
  name?: string;
  /** At most 512 characters. */
  field?: string;
  /** At most 512 characters. */
  message?: string;
}

/** A product, with GA4's item fields. */
export interface Item {
  /** At most 512 characters. */
  item_id?: string;
  /** At most 512 characters. */
  item_name?: string;
  /** At most 512 characters. */
  item_category?: string;
  /** At most 512 characters. */
  item_brand?: string;
  /** From -1000000000000.0 to 1000000000000.0. */
  price?: number;
  /** From 0 to 2147483647. */
  quantity?: number;
}

/** Cart, checkout step or purchase. */
export interface Order {
  /** At most 512 characters. */
  order_id?: string;
  /** At most 64 characters. */
  step?: string;
  /** From -1000000000000.0 to 1000000000000.0. */
  revenue?: number;
  /** From -1000000000000.0 to 1000000000000.0. */
  tax?: number;
  /** From -1000000000000.0 to 1000000000000.0. */
  shipping?: number;
  /** At most 3 characters. */
  currency?: string;
  /** At most 64 characters. */
  coupon?: string;
}

/** One HTTP request, as an access log knows it. */
export interface Request {
  /** At most 64 characters. */
  method?: string;
  /** From 0 to 999. */
  status?: number;
  /** From 0 to 9007199254740992. */
  bytes?: number;
  /** From 0 to 86400000. */
  duration_ms?: number;
}

/** A search on the site. */
export interface Search {
  /** At most 512 characters. */
  term?: string;
  /** From 0 to 2147483647. */
  results?: number;
}

/** A web vital or timing: milliseconds, except CLS which has no unit. */
export interface Vital {
  /** At most 64 characters. */
  name?: string;
  /** From 0 to 1000000000.0. */
  value?: number;
}
