import type { Tracker } from './tracker';

/** The visitor's own no, kept on the device since they asked for it; `false`: it is taken back. */
export const opting = (tracker: Tracker) => (out = true): void => {
  try {
    const disk = tracker.platform.disk()!;
    const key = tracker.key + '!';
    if (out) disk[key] = '1';
    else delete disk[key];
  } catch {
    tracker.out = out; // nothing can be kept: for this page at least
  }
  tracker.flush();
};
