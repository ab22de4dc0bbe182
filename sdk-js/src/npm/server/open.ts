import type { Consent } from '../../core/options';
import type { Batch, Event } from '../../generated/event';

/** Of a batch, not of an event: whose request it was. Each other value makes a batch of its own. */
export interface Client extends Pick<Batch, 'address' | 'user_agent' | 'language'> {
  consent?: Consent;
}

/** Everything of an event but its name. */
export interface ServerParts extends Omit<Event, 'name' | 'occurred_at'>, Client {
  /** When it happened; now, unless said. */
  occurred_at?: number | Date;
}

/** Events (JSON texts) that go into one batch. */
export interface Open {
  client: Client;
  events: string[];
  bytes: number;
}

/** Events that are not cut into batches yet, by what they have in common. */
export class OpenBatches {
  private readonly all = new Map<string, Open>();

  add(event: string, bytes: number, client: Client): Open {
    const key = JSON.stringify(client);
    const open = this.all.get(key) ?? { client, events: [], bytes: 0 };
    this.all.set(key, open);
    open.events.push(event);
    open.bytes += bytes;
    return open;
  }

  /** All of them, or the one. */
  take(only?: Open): Open[] {
    const taken = [...this.all.values()].filter((open) => !only || open == only);
    taken.forEach((open) => this.all.delete(JSON.stringify(open.client)));
    return taken;
  }
}
