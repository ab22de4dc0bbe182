import { announce } from './announce';
import type { Settings } from './facade';
import { tracking, type TrackerSettings } from './tracker';
import { web } from './web';

const entry = tracking(web);

/** Of the tracker that `init` starts. */
export const calls = entry.calls;

/** Starts counting in this page, once. On a server, which makes pages, it does nothing. */
export function init(settings: Settings): void {
  entry.start(settings);
  announce(calls, settings.site);
}

/** A tracker of its own: several sites on a page, or (`platform`) somewhere else than in a page. */
export class FootfallTracker extends entry.Tracker {
  constructor(settings: TrackerSettings) {
    super(settings);
    if (!settings.platform) announce(this, settings.apiKey);
  }
}
