/**
 * `@footfall/sdk`: for pages that are built with a bundler. The same as the tag, with the captures that are on by
 * default inside, and add-ons in files of their own.
 */
import { announce } from './announce';
import type { Settings } from './facade';
import { tracking, type TrackerSettings } from './tracker';
import { web } from './web';

const { Tracker, calls, start } = tracking(web);

/** Starts counting in this page, once. On a server, which makes pages, it does nothing. */
export function init(settings: Settings): void {
  start(settings);
  announce(calls);
}

/** A tracker of its own: several sites on a page, or (`platform`) somewhere else than in a page. */
export class FootfallTracker extends Tracker {
  constructor(settings: TrackerSettings) {
    super(settings);
    if (!settings.platform) announce(this);
  }
}

export const { track, page, identify, consent, reset, flush, optOut, use } = calls;
export const { productView, addToCart, removeFromCart, checkoutStep, purchase } = calls;

export type { Platform, Settings } from './facade';
export type { Calls, Name, TrackerSettings } from './tracker';
export type { Addon, Consent, Kind, Options } from '../core/options';
export type { Part, Parts, Tracker } from '../core/tracker';
export type * from '../generated/event';
