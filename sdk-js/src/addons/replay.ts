import { guarded } from '../auto/guard';
import type { Tracker } from '../core/tracker';

/** Of the tag, whose nonce the recorder needs, too. */
const own = document.currentScript as HTMLScriptElement | null;

/** Loads a replay recorder, once, and only while the visitor agrees to be known: not under GPC or Do Not Track. */
export function replay(tracker: Tracker): void {
  let loaded = false;
  const load = guarded(tracker, () => {
    const { recorder } = tracker.options;
    if (loaded) return;
    if (!recorder || !tracker.known())
      return tracker.say?.('part', 'replay: ' + (recorder ? 'waits for consent' : 'data-recorder names no script'));
    loaded = true;
    const script = document.createElement('script');
    script.src = recorder;
    script.nonce = own?.nonce || '';
    document.head.append(script);
  });
  const { consent } = tracker;
  tracker.consent = (state) => {
    consent(state);
    load();
  };
  load();
}
