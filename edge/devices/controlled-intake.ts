/** An intake whose answers a test gives by hand: what came is listed, and nothing is receipted until it is told to. */
import type { Delivery, Intake, Receipt, Refusal } from '../contracts/intake.ts';

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
    return { outcome: 'accepted', accepted: came.readings.length, repeated: 0 };
  }
}
