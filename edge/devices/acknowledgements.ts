/**
 * The PUBACKs and PUBRECs of one connection: each leaves when its publish is on disk, in the order of the publishes
 * (MQTT-4.6.0-2), and those of one commit leave together.
 */
import type { Duplex } from 'node:stream';
import type { Client } from 'aedes';
import { messageOf } from '../contracts/errors.ts';

export type Acknowledge = (error?: Error | null) => void;

/** What is acknowledged: a publish of quality of service 1 or 2. */
interface Acknowledgeable {
  readonly messageId?: number | undefined;
  qos: number;
}

interface Acknowledged {
  readonly publish: Acknowledgeable;
  readonly acknowledge: Acknowledge;
}

interface Held extends Acknowledged {
  ready: boolean;
}

/** Type and flags, then a remaining length of 2. */
const PUBACK = 0x4002;
const PUBREC = 0x5002;

export class Acknowledgements {
  readonly #client: Client;
  readonly #socket: Duplex;
  readonly #onAnswered: () => void;
  /** Publishes of QoS 1 and 2 given to the journal, and those it has answered. */
  #given = 0;
  #answered = 0;
  /** Publishes that need no receipt of their own, or are told otherwise that they are stored, behind others. */
  #behind: (Acknowledged & { readonly after: number; readonly stored?: Promise<void> | undefined })[] = [];
  /** PUBACKs that are written at the end of this turn. */
  #acknowledged: Acknowledged[] = [];
  /** What waits for more than its receipt, and what came behind it. */
  readonly #held: Held[] = [];

  /** `onAnswered` is called when nothing that was given to the journal is without its answer. */
  constructor(client: Client, socket: Duplex, onAnswered: () => void) {
    this.#client = client;
    this.#socket = socket;
    this.#onAnswered = onAnswered;
  }

  /** Something that was given to the journal is not answered. */
  get owed(): boolean {
    return this.#given !== this.#answered || this.#held.length > 0;
  }

  /** A publish was given to the journal. */
  gave(): void {
    this.#given += 1;
  }

  /**
   * Its receipt is here; receipts come in the order of the publishes. An error closes the connection. `also`: something
   * else that must be on disk before it is acknowledged; what comes behind it waits for its turn.
   */
  answered(publish: Acknowledgeable, acknowledge: Acknowledge, error: Error | null, also?: Promise<void>): void {
    this.#answered += 1;
    if (this.#answered === this.#given) this.#onAnswered();
    if (error === null) {
      if (also === undefined) this.#acknowledge(publish, acknowledge);
      else this.#acknowledgeWhen(also, publish, acknowledge);
    } else if (!this.#client.closed) {
      this.#writeAcknowledgements();
      acknowledge(error);
    }
    for (let next = this.#behind[0]; next !== undefined && next.after <= this.#answered; next = this.#behind[0]) {
      this.#behind.shift();
      if (next.stored === undefined) this.#acknowledge(next.publish, next.acknowledge);
      else this.#acknowledgeWhen(next.stored, next.publish, next.acknowledge);
    }
  }

  /** Acknowledges what needs no receipt, after everything before it (MQTT-4.6.0-2). */
  inTurn(publish: Acknowledgeable, acknowledge: Acknowledge): void {
    if (this.#given === this.#answered) this.#acknowledge(publish, acknowledge);
    else this.#behind.push({ after: this.#given, publish, acknowledge });
  }

  /** Acknowledges when `stored` resolves, and after everything before it. A rejection closes the connection. */
  whenStored(publish: Acknowledgeable, acknowledge: Acknowledge, stored: Promise<void>): void {
    // It may be refused before its turn.
    stored.catch(() => undefined);
    if (this.#given === this.#answered) this.#acknowledgeWhen(stored, publish, acknowledge);
    else this.#behind.push({ after: this.#given, publish, acknowledge, stored });
  }

  #acknowledgeWhen(also: Promise<void>, publish: Acknowledgeable, acknowledge: Acknowledge): void {
    const held: Held = { publish, acknowledge, ready: false };
    this.#held.push(held);
    const settled = (): void => {
      held.ready = true;
      const waiting = this.#held.findIndex(({ ready }) => !ready);
      for (const next of this.#held.splice(0, waiting < 0 ? this.#held.length : waiting)) this.#write(next);
      if (!this.owed) this.#onAnswered();
    };
    also.then(settled, (thrown) => {
      if (!this.#client.closed) acknowledge(new Error(messageOf(thrown)));
    });
  }

  #acknowledge(publish: Acknowledgeable, acknowledge: Acknowledge): void {
    if (this.#held.length > 0) this.#held.push({ publish, acknowledge, ready: true });
    else this.#write({ publish, acknowledge });
  }

  #write(next: Acknowledged): void {
    if (this.#acknowledged.length === 0) process.nextTick(() => this.#writeAcknowledgements());
    this.#acknowledged.push(next);
  }

  /**
   * The receipts of one commit come together, and so do their PUBACKs and PUBRECs: one write of four bytes each. The broker is
   * told quality of service 0 then, so that it does not acknowledge again. While the device leaves its acknowledgements
   * unread the broker writes them itself, because it knows how to wait for that and when to give up.
   */
  #writeAcknowledgements(): void {
    const acknowledged = this.#acknowledged;
    if (acknowledged.length === 0) return;
    this.#acknowledged = [];
    // A closed client takes no acknowledgement, and the broker would count one more error.
    if (this.#client.closed) return;
    if (!this.#socket.writableNeedDrain) {
      const bytes = Buffer.allocUnsafe(acknowledged.length * 4);
      let at = 0;
      for (const { publish } of acknowledged) {
        bytes.writeUInt16BE(publish.qos === 2 ? PUBREC : PUBACK, at);
        bytes.writeUInt16BE(publish.messageId ?? 0, at + 2);
        publish.qos = 0;
        at += 4;
      }
      this.#socket.write(bytes);
    }
    for (const { acknowledge } of acknowledged) acknowledge(null);
  }
}
