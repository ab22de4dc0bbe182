'use client';
/** `@footfall/sdk/react`: starts counting where an app begins, and gives its components what they call. */
import { createContext, type ReactNode, useContext, useEffect, useRef } from 'react';
import type { Settings } from './facade';
import { calls, init } from './page';
import type { Calls } from './tracker';

const Context = createContext<Calls>(calls);

/** A tracker of your own, or what `init` needs. Only `consent` may change later. */
export type ProviderProps = { children?: ReactNode } & ({ tracker: Calls } | (Settings & { tracker?: undefined }));

/**
 * Starts counting, once, after the first render in a browser; nothing happens where pages are rendered on a server.
 * Views of routers are counted by themselves.
 */
export function FootfallProvider({ children, ...given }: ProviderProps): ReactNode {
  const consent = 'consent' in given ? given.consent : undefined;
  const told = useRef(consent);
  useEffect(() => {
    if (!given.tracker) init(given);
  }, []);
  useEffect(() => {
    if (consent && consent != told.current) (given.tracker ?? calls).consent(consent);
    told.current = consent;
  }, [consent]);
  // React 18 knows no `<Context value>`.
  return <Context.Provider value={given.tracker ?? calls}>{children}</Context.Provider>;
}

/** What can be told: the same functions on every render, so they need no place among an effect's dependencies. */
export function useFootfall(): Calls {
  return useContext(Context);
}
