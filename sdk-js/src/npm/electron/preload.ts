/** `@footfall/sdk/electron/preload`: what a window may ask of the main process, and nothing else. */
import { BRIDGE, CHANNEL, MOST_CHARS } from './messages';

/** What it needs of Electron: `import { contextBridge, ipcRenderer } from 'electron'`. */
export interface ElectronPreload {
  contextBridge: { exposeInMainWorld: (name: string, api: object) => void };
  ipcRenderer: { send: (channel: string, ...given: unknown[]) => void };
}

/** Gives the window one function that takes a text, which the main process checks. */
export function expose({ contextBridge, ipcRenderer }: ElectronPreload): void {
  contextBridge.exposeInMainWorld(BRIDGE, {
    send(text: unknown): void {
      if (typeof text == 'string' && text.length <= MOST_CHARS) ipcRenderer.send(CHANNEL, text);
    },
  });
}
