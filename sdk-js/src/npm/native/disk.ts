import type { Box } from '../../core/delivery';
import type { Storage } from './api';

/**
 * What the device keeps, as an object: read once, and written through in the order of the changes. Where the device
 * fails, it is remembered while the app runs.
 */
export interface Disk {
  box: Box;
  /** Reads what begins so; never rejects. What was changed meanwhile stays. */
  load(prefix: string): Promise<void>;
}

export function diskOf(storage: Storage): Disk {
  const kept: Box = {};
  /** Before it was read. */
  let changed: Set<string> | undefined = new Set();
  let last = Promise.resolve();
  const then = (work: () => Promise<void>): void => {
    last = last.then(work).catch(() => undefined);
  };
  const box = new Proxy(kept, {
    set(_, key: string, value: string) {
      kept[key] = value;
      changed?.add(key);
      then(() => storage.setItem(key, value));
      return true;
    },
    deleteProperty(_, key: string) {
      delete kept[key];
      changed?.add(key);
      then(() => storage.removeItem(key));
      return true;
    },
  });
  return {
    box,
    async load(prefix) {
      try {
        for (const key of await storage.getAllKeys()) {
          const value = key.startsWith(prefix) ? await storage.getItem(key) : null;
          if (value != null && !changed?.has(key)) kept[key] = value;
        }
      } catch {
        // as if nothing were there
      }
      changed = undefined;
    },
  };
}
