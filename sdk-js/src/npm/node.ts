/** `@footfall/sdk/node`: for servers, which know visitors and users by themselves. Node 20 or newer. */
export { FootfallTracker } from './server/tracker';
export type { Report, ServerSettings } from './server/tracker';
export type { Ending } from './server/ending';
export type { Client, ServerParts } from './server/open';
export type { Problem } from './server/problems';
export type { Name } from './tracker';
export type { Consent } from '../core/options';
export type * from '../generated/event';
