/**
 * Head office in the soak: reads all event topics with read_committed for as long as the soak lasts, notes every
 * reading in the ledger, and sees by the stream sequences whether anything is missing, double or out of order. It
 * outlives stopped brokers: it keeps its own positions, and when nothing is heard for long it begins a new reader there.
 */
import { randomBytes } from 'node:crypto';
import { type Consumer, Kafka, logLevel } from 'kafkajs';
import { STREAMS, topicOf } from '../../edge/contracts/streams.ts';
import { Ledger } from './ledger.ts';
import { parseId } from './readings.ts';

const KIND_OF_TYPE: Readonly<Record<string, string>> = {
  'retail.sales.sold.v1': 'sale',
  'retail.climate.measured.v1': 'climate',
  'retail.traffic.crossed.v1': 'traffic',
  'retail.shelves.level.v1': 'shelf',
  'retail.shoppers.present.v1': 'presence',
};

/** The ledger's line of a device's readings of one kind. */
export function lineOf(run: string, device: number, kind: string): string {
  return `${run}/${device}/${kind}`;
}

interface SeenEvent {
  readonly type: string;
  readonly incarnation: string;
  readonly streamsequence: string;
  readonly data: { readonly readingId?: string };
}

/** Faults are sentences; after so many they are only counted. */
const FAULTS_KEPT = 20;
const SILENCE_MS = 45_000;

export class HeadOffice {
  readonly ledger = new Ledger();
  /** What was wrong, as sentences. */
  readonly faults: string[] = [];
  faultCount = 0;
  events = 0;
  /** Events of things that were given up on purpose, and of new incarnations. */
  dropped = 0;
  incarnations = 0;
  readonly #brokers: string[];
  /** The offset last taken, by topic. */
  readonly #positions = new Map<string, bigint>();
  readonly #sequences = new Map<string, number>();
  #consumer: Consumer | undefined;
  #watch: NodeJS.Timeout | undefined;
  #heard = 0;
  #busy = false;

  constructor(brokers: readonly string[]) {
    this.#brokers = [...brokers];
  }

  async start(): Promise<void> {
    await this.#begin();
    this.#watch = setInterval(() => void this.#lookAfter(), 5_000);
  }

  async stop(): Promise<void> {
    clearInterval(this.#watch);
    await this.#consumer?.disconnect().catch(() => undefined);
  }

  async #begin(): Promise<void> {
    this.#heard = performance.now();
    const kafka = new Kafka({
      clientId: 'soak-head-office',
      brokers: this.#brokers,
      logLevel: logLevel.NOTHING,
      retry: { retries: 30, initialRetryTime: 200, maxRetryTime: 2_000 },
    });
    const consumer = kafka.consumer({
      groupId: `soak-${randomBytes(4).toString('hex')}`,
      readUncommitted: false,
      maxWaitTimeInMs: 500,
      maxBytesPerPartition: 512 * 1024,
    });
    this.#consumer = consumer;
    consumer.on(consumer.events.HEARTBEAT, () => {
      this.#heard = performance.now();
    });
    consumer.on(consumer.events.GROUP_JOIN, () => {
      for (const [topic, offset] of this.#positions) {
        consumer.seek({ topic, partition: 0, offset: String(offset + 1n) });
      }
    });
    await consumer.connect();
    await consumer.subscribe({ topics: STREAMS.map(topicOf), fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: true,
      eachBatch: async ({ batch, heartbeat }) => {
        if (this.#consumer !== consumer) return;
        for (const { offset, value } of batch.messages) this.#take(batch.topic, BigInt(offset), value);
        this.#heard = performance.now();
        await heartbeat();
      },
    });
  }

  /** A reader that neither reads nor beats is replaced. */
  async #lookAfter(): Promise<void> {
    if (this.#busy || performance.now() - this.#heard < SILENCE_MS) return;
    this.#busy = true;
    const old = this.#consumer;
    this.#consumer = undefined;
    try {
      // One that hangs must not hold up its successor.
      void old?.disconnect().catch(() => undefined);
      await this.#begin();
    } catch {
      // The broker may be away: the next look tries again.
    } finally {
      this.#busy = false;
    }
  }

  #take(topic: string, offset: bigint, value: Buffer | null): void {
    if (offset <= (this.#positions.get(topic) ?? -1n)) return;
    this.#positions.set(topic, offset);
    const event = JSON.parse(value?.toString('utf8') ?? 'null') as SeenEvent;
    this.events += 1;
    this.#inSequence(topic, offset, event);
    if (event.type === 'retail.devices.dropped.v1') this.dropped += 1;
    if (event.type === 'retail.devices.incarnation.v1') this.incarnations += 1;
    const kind = KIND_OF_TYPE[event.type];
    const id = kind === undefined ? undefined : parseId(event.data.readingId ?? '');
    if (kind === undefined) return;
    if (id === undefined) this.#fault(`${topic} offset ${offset}: a ${kind} that no device of the soak sent`);
    else if (!this.ledger.arrive(lineOf(id.run, id.device, kind), id.counter)) {
      this.#fault(`${topic} offset ${offset}: reading ${event.data.readingId} (${kind}) a second time`);
    }
  }

  #inSequence(topic: string, offset: bigint, { incarnation, streamsequence }: SeenEvent): void {
    const key = `${incarnation}/${topic}`;
    const sequence = Number(streamsequence);
    const expected = (this.#sequences.get(key) ?? 0) + 1;
    if (sequence !== expected) {
      this.#fault(`${topic} offset ${offset}: stream sequence ${sequence} where ${expected} was due`);
    }
    this.#sequences.set(key, sequence);
  }

  #fault(sentence: string): void {
    this.faultCount += 1;
    if (this.faults.length < FAULTS_KEPT) this.faults.push(sentence);
  }
}
