import type { Tracker } from './tracker';

/** The visitor's own no, kept on the device since they asked for it; `false`: it is taken back. */
export const opting = (tracker: Tracker) => (out = true): void => {
  if (out) tracker.clear();
  try {
    const disk = tracker.platform.disk()!;
    if (out) disk[tracker.key + '!'] = '1';
    else delete disk[tracker.key + '!'];
  } catch {
    tracker.paused = out; // nothing can be kept: for this page at least
  }
};
