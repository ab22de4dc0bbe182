import type { Event } from '../generated/event';

/** An event as `footfall micro` took it: docs/micro.md. */
export interface Received extends Event {
  /** Its number, from 1. */
  seq: number;
  site: string;
  batch_id: string;
  source: 'browser' | 'server';
  /** A number, as text. */
  visitor_id: string;
  id_kind: 'daily' | 'consented' | 'identified' | 'server';
  consent: string;
  received_at: number;
  sent_at: number;
  sdk: string;
  client: Record<string, string | number>;
  /** It came before, within the hour. */
  duplicate: boolean;
  enriched: Enriched;
}

/** What the flow would make of an event; or why it would drop it. */
export interface Enriched {
  occurred_at?: number;
  page?: { host: string; path: string; query: string };
  channel?: string;
  referrer?: { host: string; url: string };
  campaign?: Record<'source' | 'medium' | 'name' | 'term' | 'content' | 'click_id', string>;
  device?: Record<string, string>;
  bot?: string;
  language?: string;
  goals?: string[];
  dropped?: string;
  failed?: { step: string; message: string };
}

/** What was not taken: one event, or a request as a whole. */
export interface Bad {
  seq: number;
  kind: 'event' | 'request';
  path: string;
  site: string;
  received_at: number;
  reason?: string;
  detail?: string;
  index?: number;
  event?: unknown;
  status?: number;
  error?: string;
  message?: string;
  method?: string;
  origin?: string;
  body?: string;
}

/** Part of it: objects may leave fields out, lists may not; `null` also stands for what is not there. */
export type Match<T> = T extends readonly (infer One)[]
  ? Match<One>[]
  : T extends object
    ? { [Name in keyof T]?: Match<T[Name]> | null }
    : T;
