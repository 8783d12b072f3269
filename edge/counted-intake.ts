/** The intake with a count of what passes through it, per kind, for metrics and `status`. */
import type { Counts, Delivery, Intake, Part, Receipt, Refusal } from './contracts/intake.ts';
import type { Kind } from './contracts/readings.ts';
import type { EdgeMetrics } from './ops/edge-metrics.ts';
import { kindLabel } from './ops/edge-metrics.ts';

const NONE: Counts = { accepted: 0, repeated: 0 };

export class CountedIntake implements Intake {
  readonly #inner: Intake;
  readonly #metrics: EdgeMetrics;
  #readings = 0;
  #bytes = 0;

  constructor(inner: Intake, metrics: EdgeMetrics) {
    this.#inner = inner;
    this.#metrics = metrics;
  }

  deliver(delivery: Delivery, done: (receipt: Receipt) => void): void {
    const { kind, also } = delivery;
    this.#count(delivery);
    if (also !== undefined) for (const part of also) this.#count(part);
    this.#inner.deliver(delivery, (receipt) => {
      if (receipt.outcome === 'accepted') {
        this.#accepted(kind, receipt.of?.[0] ?? receipt);
        also?.forEach((part, index) => {
          this.#accepted(part.kind, receipt.of?.[index + 1]);
        });
      } else if (receipt.outcome === 'refused') this.#metrics.refused[kind] += 1;
      else this.#metrics.notStored += 1;
      done(receipt);
    });
  }

  #count({ readings }: Part): void {
    this.#readings += readings.length;
    for (const reading of readings) this.#bytes += reading.body.length;
  }

  #accepted(kind: Kind, { accepted, repeated }: Counts = NONE): void {
    this.#metrics.accepted[kind] += accepted;
    this.#metrics.repeated[kind] += repeated;
  }

  refuse(refusal: Refusal, done: (receipt: Receipt) => void): void {
    this.#inner.refuse(refusal, (receipt) => {
      if (receipt.outcome === 'refused') this.#metrics.refused[kindLabel(refusal.kind)] += 1;
      else this.#metrics.notStored += 1;
      done(receipt);
    });
  }

  /** Adds what came in since the last call to the rates: once a batch, not once a reading. */
  settle(): void {
    if (this.#readings === 0) return;
    this.#metrics.in.add(this.#readings, this.#bytes);
    this.#readings = 0;
    this.#bytes = 0;
  }
}
