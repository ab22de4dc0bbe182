/** What a visitor said; undefined: nobody asked. */
export type Consent = 'pending' | 'granted' | 'denied';

/** What is captured by itself, by the names with which it is switched off. */
export type Kind = 'pages' | 'engagement' | 'clicks' | 'links' | 'forms' | 'products' | 'search' | 'attributes';

/** Parts that are loaded only when asked for. */
export type Addon = 'vitals' | 'errors' | 'friction' | 'pointer' | 'replay' | 'tcf' | 'gcm' | 'debug';

export interface Options {
  /** The site's public id (`pub_...`). */
  site: string;
  /** What takes batches, if not `/v1/batch` where the script came from. */
  endpoint?: string;
  /** To begin with; without it visits are counted under an id of the server's that lasts a day. */
  consent?: Consent;
  /** Kinds not to capture. */
  off?: readonly Kind[] | string;
  /** Add-ons to load. */
  with?: readonly Addon[] | string;
  /** Parameters of a page's query that may be sent, besides those of campaigns. */
  params?: readonly string[];
  /** With GPC or Do Not Track, or where consent was denied: send nothing at all. */
  strict?: boolean;
  /** Count in frames, too. */
  frames?: boolean;
  /** Parameters of a page's query that hold what was searched for, with spaces between. */
  search?: string;
  /** The script of a replay recorder, for the add-on `replay`. */
  recorder?: string;
}
