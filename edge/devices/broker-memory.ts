/**
 * The memory that the broker library asks for (its interface is told by the package aedes-persistence), made of ours.
 * The library keeps connections and handshakes; messages go round by `Sessions`, so what it would queue, match or
 * retain itself is empty here. Wills are not kept: a hub that crashed sends none.
 */
import { Readable } from 'node:stream';
import type { Client } from 'aedes';
import type { Handshake } from '../contracts/sessions.ts';
import type { Handshakes } from './handshakes.ts';
import type { Sessions } from './sessions.ts';

/** Stands for "there is a session"; never granted. */
export const SESSION_MARK = '$session';

interface Identified {
  readonly cmd?: string;
  readonly messageId?: number | undefined;
}

export interface BrokerMemoryParts {
  readonly sessions: Sessions;
  readonly handshakes: Handshakes;
  /** The end of a handshake could not be written. */
  readonly onUnwritten: (client: Client, thrown: unknown) => void;
}

export class BrokerMemory {
  readonly #parts: BrokerMemoryParts;

  constructor(parts: BrokerMemoryParts) {
    this.#parts = parts;
  }

  async setup(): Promise<void> {}

  /** Asked before CONNACK: one entry that is not granted makes the library say that a session is present. */
  async subscriptionsByClient({ id }: Client): Promise<{ topic: string; qos: number }[]> {
    return this.#parts.sessions.has(id) ? [{ topic: SESSION_MARK, qos: 0 }] : [];
  }

  async cleanSubscriptions({ id }: Client): Promise<void> {
    await this.#parts.sessions.clean(id);
  }

  /** It was kept when it was authorized. */
  async addSubscriptions(): Promise<void> {}

  removeSubscriptions(client: Client, filters: readonly string[]): Promise<void> {
    return this.#parts.sessions.unsubscribe(client, filters);
  }

  async outgoingClearMessageId(client: Client, { cmd, messageId = 0 }: Identified): Promise<void> {
    this.#parts.sessions.confirmed(client, messageId, cmd === 'pubcomp' ? 2 : 1);
  }

  /** PUBREC came, PUBREL is about to be sent. */
  outgoingUpdate(client: Client, { messageId = 0 }: Identified): Promise<void> {
    return this.#parts.sessions.received(client, messageId);
  }

  outgoingStream(): Readable {
    return Readable.from([]);
  }

  createRetainedStreamCombi(): Readable {
    return Readable.from([]);
  }

  async incomingGetPacket({ id }: Client, { messageId = 0 }: Identified): Promise<Handshake> {
    const entry = this.#parts.handshakes.get(id, messageId);
    if (entry === undefined) throw new Error('no such packet');
    return entry;
  }

  /** Asked for a publish that was released before the library could answer it: the journal has it already. */
  async incomingStorePacket(): Promise<void> {}

  async incomingDelPacket(client: Client, { messageId = 0 }: Identified): Promise<void> {
    try {
      await this.#parts.handshakes.release(client.id, messageId);
    } catch (thrown) {
      // The library would confirm it in any case, so it must not hear of it.
      this.#parts.onUnwritten(client, thrown);
      await new Promise(() => undefined);
    }
  }

  /** Also asked for clients that were refused, or are closed: what is there under their name belongs to another. */
  async cleanIncoming(client: Client): Promise<void> {
    if (this.#parts.sessions.isHeldBy(client)) await this.#parts.handshakes.forget(client.id);
  }

  async putWill(): Promise<void> {}

  async delWill(): Promise<void> {}

  streamWill(): Readable {
    return Readable.from([]);
  }
}

/** The library's own way for messages, which is not used. */
export const NO_MESSAGES = {
  on: (_topic: string, _listener: unknown, done?: () => void) => done?.(),
  removeListener: (_topic: string, _listener: unknown, done?: () => void) => done?.(),
  emit: (_packet: unknown, done?: () => void) => done?.(),
  close: (done?: () => void) => done?.(),
};
