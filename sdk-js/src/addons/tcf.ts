import type { Tracker } from '../core/tracker';

/** Store on the device; measure the performance of content: by these names in the TCF's list of purposes. */
const PURPOSES = [1, 8];

interface TcData {
  eventStatus?: string;
  gdprApplies?: boolean;
  purpose?: { consents?: Record<number, boolean> };
}
type Tcf = (command: string, version: number, then: (data: TcData, success: boolean) => void) => void;

/** Consent tools of the IAB's TCF v2: to be known again needs a yes to purposes 1 and 8; set `consent: 'pending'`. */
export function tcf(tracker: Tracker): void {
  const api = (window as { __tcfapi?: Tcf }).__tcfapi;
  if (!api) {
    tracker.say?.('part', 'tcf: there is no __tcfapi in this page; load the consent tool before this script');
    return;
  }
  api('addEventListener', 2, (data, success) => {
    // Not while the dialogue is open: nobody has said anything yet.
    if (!success || (data.gdprApplies !== false && !/^(tcloaded|useractioncomplete)$/.test(data.eventStatus || ''))) return;
    // Where the law does not apply nobody was asked: no yes, so counted without an id.
    tracker.consent(PURPOSES.every((purpose) => data.purpose?.consents?.[purpose]) ? 'granted' : 'denied');
  });
}
