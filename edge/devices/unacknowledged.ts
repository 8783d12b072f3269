/**
 * Frames of QoS 1 that were taken and whose PUBACK was never written, because the connection ended before. Sent again with
 * the same packet id and marked as such (MQTT-3.3.1-1) they are the same frames, whatever they hold: the id is not free
 * for another one as long as the client has no PUBACK. After a PUBACK was written this cannot be known any more, so those
 * are told by the ids of their readings alone. In memory, and bounded.
 */
import { hash } from 'node:crypto';

interface Taken {
  readonly digest: string;
  /** Resolves when it is on disk. */
  readonly stored: Promise<void>;
}

export interface ResentPublish {
  readonly topic: string;
  readonly dup?: boolean | undefined;
  readonly messageId?: number | undefined;
}

const MOST = 5000;

export class Unacknowledged {
  readonly #taken = new Map<string, Taken>();

  get size(): number {
    return this.#taken.size;
  }

  /** When the same publish is on disk, if it was taken before; `sender`: who, by user and client id. */
  before(sender: string, publish: ResentPublish, payload: Uint8Array): Promise<void> | undefined {
    if (publish.dup !== true) return undefined;
    const taken = this.#taken.get(keyOf(sender, publish));
    return taken !== undefined && taken.digest === digestOf(publish, payload) ? taken.stored : undefined;
  }

  keep(sender: string, publish: ResentPublish, payload: Uint8Array, stored: Promise<void>): void {
    const key = keyOf(sender, publish);
    this.#taken.delete(key);
    const taken = { digest: digestOf(publish, payload), stored };
    this.#taken.set(key, taken);
    const [oldest] = this.#taken.keys();
    if (this.#taken.size > MOST && oldest !== undefined) this.#taken.delete(oldest);
    stored.catch(() => {
      if (this.#taken.get(key) === taken) this.#taken.delete(key);
    });
  }

  /** Its PUBACK was written. */
  acknowledged(sender: string, publish: ResentPublish): void {
    this.#taken.delete(keyOf(sender, publish));
  }
}

function keyOf(sender: string, { messageId = 0 }: ResentPublish): string {
  return `${sender}\0${messageId}`;
}

function digestOf({ topic }: ResentPublish, payload: Uint8Array): string {
  return `${topic}\0${hash('sha1', payload)}`;
}
