/** For tests: an intake whose answers are given by hand (nothing is receipted until it is told to), and a codec. */
import type { Delivery, Intake, Receipt, Refusal } from '../contracts/intake.ts';
import type { Codec } from './codec.ts';

interface Waiting {
  readonly came: Delivery | Refusal;
  readonly done: (receipt: Receipt) => void;
}

export class ControlledIntake implements Intake {
  readonly deliveries: Delivery[] = [];
  readonly refusals: Refusal[] = [];
  readonly waiting: Waiting[] = [];
  /** Answers at once instead of on demand. */
  automatic = true;
  /** While set, nothing can be stored. */
  broken = false;
  /** Thrown by the next call. */
  fault: Error | undefined;

  deliver(delivery: Delivery, done: (receipt: Receipt) => void): void {
    this.#came(delivery, done);
    this.deliveries.push(delivery);
  }

  refuse(refusal: Refusal, done: (receipt: Receipt) => void): void {
    this.#came(refusal, done);
    this.refusals.push(refusal);
  }

  /** Answers the oldest ones, in order. */
  answer(count: number = this.waiting.length): void {
    for (const { came, done } of this.waiting.splice(0, count)) done(this.#receipt(came));
  }

  #came(came: Delivery | Refusal, done: (receipt: Receipt) => void): void {
    const { fault } = this;
    this.fault = undefined;
    if (fault !== undefined) throw fault;
    this.waiting.push({ came, done });
    if (this.automatic) setImmediate(() => this.answer());
  }

  #receipt(came: Delivery | Refusal): Receipt {
    if (this.broken) return { outcome: 'not-stored', reason: 'disk full' };
    if ('reason' in came) return { outcome: 'refused', letter: `letter-${this.refusals.indexOf(came) + 1}` };
    const { also = [] } = came;
    const accepted = [came, ...also].reduce((sum, { readings }) => sum + readings.length, 0);
    return { outcome: 'accepted', accepted, repeated: 0 };
  }
}

/** Takes any text with `ok` in it, and only counts presence. What real codecs do is their own test. */
export const plainCodec: Codec = {
  decode(kind, _device, payload) {
    const text = Buffer.from(payload).toString();
    if (kind === 'presence') return { ok: true, readings: [], counted: 2 };
    if (!text.includes('ok')) return { ok: false, reason: 'not ok', pointers: ['/a'], bytes: new Uint8Array(payload) };
    return { ok: true, readings: [{ subject: 's', identity: undefined, time: undefined, body: text }], counted: 0 };
  },
  mask: (payload) => new Uint8Array(payload),
  maskCards: (payload) => new Uint8Array(payload),
};
