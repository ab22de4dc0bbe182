/** Electron as its documentation has it: the two sides of IPC in one memory, and a network that keeps what is sent. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { ElectronMain, Sender } from '../../../src/npm/electron/main';
import type { Batch, Event } from '../../../src/generated/event';

export const APP = '/Users/anna/Applications/Shop.app/Contents/Resources/app.asar';
export const PAGE = `file://${APP}/dist/index.html`;

export interface Fake {
  electron: ElectronMain;
  /** A message on the channel from a page of this address. */
  receive: (text: unknown, url?: string | null) => void;
  /** An event of `app` or `powerMonitor`. */
  emit: (event: string) => void;
  online: boolean;
  status: number;
  /** Seconds of Retry-After. */
  patience: number;
  urls: string[];
  batches: Batch[];
  events: () => Event[];
  userData: string;
}

export function fake(userData = mkdtempSync(join(tmpdir(), 'footfall-'))): Fake {
  const heard: Record<string, (() => void)[]> = {};
  const onMessage: ((event: Sender, text: unknown) => void)[] = [];
  const on = (event: string, listener: () => void): void => void (heard[event] ??= []).push(listener);
  const made: Fake = {
    online: true,
    status: 202,
    patience: 0,
    urls: [],
    batches: [],
    userData,
    events: () => made.batches.flatMap((batch) => batch.events),
    receive: (text, url = PAGE) => onMessage.forEach((listener) => listener({ senderFrame: url === null ? null : { url } }, text)),
    emit: (event) => heard[event]?.forEach((listener) => listener()),
    electron: {
      app: {
        getPath: (name) => (name == 'home' ? '/Users/anna' : userData),
        getAppPath: () => APP,
        getLocale: () => 'de-CH',
        getName: () => 'Shop',
        whenReady: () => Promise.resolve(),
        on,
      },
      ipcMain: { on: (_, listener) => onMessage.push(listener) },
      powerMonitor: { on },
      net: {
        isOnline: () => made.online,
        fetch(url, init) {
          const body = init!.body as string | Uint8Array;
          made.urls.push(url);
          if (made.status < 300) made.batches.push(JSON.parse(typeof body == 'string' ? body : gunzipSync(body).toString()) as Batch);
          return Promise.resolve(new Response('{}', { status: made.status, headers: { 'retry-after': String(made.patience) } }));
        },
      },
    },
  };
  return made;
}

export const message = (call: unknown[], more: object = {}): string => JSON.stringify({ call, common: {}, asked: false, ...more });
