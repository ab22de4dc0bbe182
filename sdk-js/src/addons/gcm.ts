import { guarded } from '../auto/guard';
import type { Tracker } from '../core/tracker';

/** `gtag('consent', 'default' or 'update', {...})`, as gtag puts it into the list: an `arguments` object. */
type Command = ArrayLike<unknown>;

/** Google Consent Mode: `analytics_storage` decides, as consent tools put it into `dataLayer`; set `consent: 'pending'`. */
export function gcm(tracker: Tracker): void {
  const layer: { dataLayer?: Command[] } = window as { dataLayer?: Command[] };
  const commands = (layer.dataLayer ||= []);
  const look = guarded(tracker, (command: Command | undefined) => {
    if (command?.[0] != 'consent') return;
    const said = (command[2] as Record<string, string> | undefined)?.analytics_storage;
    // A default of denied is what holds until somebody has answered.
    if (said == 'granted' || (said == 'denied' && command[1] == 'update')) tracker.consent(said);
  });
  guarded(tracker, () => {
    commands.forEach(look);
    const push = commands.push.bind(commands);
    commands.push = (...given) => {
      const length = push(...given);
      given.forEach(look);
      return length;
    };
  })();
}
