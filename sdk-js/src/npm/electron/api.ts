/** What the main process needs of Electron, as its documentation has it. */

/** Who sent a message. */
export interface Sender {
  senderFrame: { readonly url: string } | null;
}

export interface ElectronMain {
  app: {
    getPath: (name: 'userData' | 'home') => string;
    getAppPath: () => string;
    getLocale: () => string;
    getName: () => string;
    whenReady: () => Promise<unknown>;
    on: (event: 'before-quit', listener: () => void) => unknown;
  };
  ipcMain: { on: (channel: string, listener: (event: Sender, ...given: unknown[]) => void) => unknown };
  net: {
    fetch: (url: string, init?: RequestInit) => Promise<Response>;
    isOnline: () => boolean;
  };
  powerMonitor: {
    on: ((event: 'suspend', listener: () => void) => unknown) & ((event: 'resume', listener: () => void) => unknown);
  };
}
