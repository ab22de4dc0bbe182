/** A place to run in of which only the network and the disk are made up; time is `vi`'s to move. */
import type { Answer, Box } from '../../src/core/delivery';
import type { Platform } from '../../src/core/tracker';
import type { Batch } from '../../src/generated/event';

/** A batch as it left. */
export type Sent = Required<Pick<Batch, 'batch_id' | 'sent_at' | 'lost' | 'events'>> &
  Batch & { keep: boolean; leaving: boolean; bytes: number };

export class Place implements Platform {
  /** What outlives the page; undefined: there is none, or it is blocked. */
  box: Box | undefined = {};
  sent: Sent[] = [];
  /** To the next bodies; to all later ones: taken. */
  answers: (Answer | Promise<Answer>)[] = [];
  url = 'https://shop.example/';
  privacy = false;

  send = (body: string, keep: boolean, leaving: boolean): Promise<Answer> => {
    const bytes = new TextEncoder().encode(body).length;
    this.sent.push({ ...(JSON.parse(body) as Sent), keep, leaving, bytes });
    return Promise.resolve(this.answers.shift() ?? [202]);
  };
  alone = <T>(work: () => Promise<T>): Promise<T> => work();
  disk = (): Box | undefined => this.box;
  here = (): ReturnType<Platform['here']> => ({ url: this.url, title: 'Shop', referrer: '' });
  asked = (): boolean => this.privacy;
  common = (): Partial<Batch> => ({ sdk: 'js/0' });

  /** All events that left, also those that were not taken. */
  names(): string[] {
    return this.sent.flatMap(({ events }) => events.map(({ name }) => name));
  }

  /** So many attempts find nobody who answers. */
  fail(attempts: number, answer: Answer = [0]): void {
    this.answers.push(...Array<Answer>(attempts).fill(answer));
  }
}

/** A disk with no room, from a number of entries on. */
export function full(room = 0): Box {
  return new Proxy<Box>({}, {
    set(box, key: string, value: string) {
      if (!(key in box) && Object.keys(box).length >= room) throw new DOMException('full', 'QuotaExceededError');
      box[key] = value;
      return true;
    },
  }); // prettier-ignore
}

/** A lock that all who have it share, as pages share the browser's. */
export function lock(): Platform['alone'] {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  };
}
