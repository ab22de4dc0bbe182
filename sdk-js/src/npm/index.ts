/**
 * `@footfall/sdk`: for pages that are built with a bundler. The same as the tag, with the captures that are on by
 * default inside, and add-ons in files of their own.
 */
import { calls } from './page';

export const { track, page, identify, consent, reset, flush, optOut, use } = calls;
export const { productView, addToCart, removeFromCart, checkoutStep, purchase } = calls;

export { FootfallTracker, init } from './page';
export type { Platform, Settings } from './facade';
export type { Calls, Name, TrackerSettings } from './tracker';
export type { Addon, Consent, Kind, Options } from '../core/options';
export type { Part, Parts, Tracker } from '../core/tracker';
export type * from '../generated/event';
