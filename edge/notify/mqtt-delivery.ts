/**
 * Delivers outbox messages to the broker in their order and reports each that went out. Several may be under way, so
 * that one frozen subscriber holds up nobody else; after a failure everything from the first undelivered one on goes
 * again. At start what was left over goes first, then every open alert: the broker's retained messages do not
 * outlive it.
 */
import type { Logger } from 'pino';
import type { Alert } from '../contracts/alerts.ts';
import { messageOf } from '../contracts/errors.ts';
import { alertPayload, alertTopic } from './alert-topics.ts';
import type { OutMessage } from './outbox.ts';

export interface MqttDeliveryOptions {
  readonly publish: (topic: string, payload: string, options: { retain: boolean; qos: 0 | 1 }) => Promise<void>;
  readonly delivered: (ids: readonly number[]) => void;
  readonly logger: Logger;
}

const RETRY_MS = 1000;
const MOST_UNDER_WAY = 100;

interface Entry {
  readonly message: OutMessage;
  state: 'waiting' | 'under-way' | 'delivered';
}

export class MqttDelivery {
  readonly #options: MqttDeliveryOptions;
  #queue: Entry[] = [];
  #underWay = 0;
  #started = false;
  #stopped = false;
  #failed = false;
  #retry: NodeJS.Timeout | undefined;

  constructor(options: MqttDeliveryOptions) {
    this.#options = options;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  /** The leftovers of the last run, then every open alert. */
  start(leftovers: readonly OutMessage[], open: readonly Alert[]): void {
    const again = open.map((alert) => ({
      id: 0,
      topic: alertTopic(alert),
      payload: alertPayload(alert),
      retain: true,
    }));
    // What was decided meanwhile is newer, and goes behind.
    this.#queue.unshift(...[...leftovers, ...again].map((message): Entry => ({ message, state: 'waiting' })));
    this.#started = true;
    this.#send();
  }

  push(messages: readonly OutMessage[]): void {
    for (const message of messages) this.#queue.push({ message, state: 'waiting' });
    this.#send();
  }

  /** What waits for a topic is not sent; whoever calls has taken it out of the outbox. */
  forget(topic: string): void {
    this.#queue = this.#queue.filter(({ message }) => message.topic !== topic);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#retry);
  }

  #send(): void {
    if (!this.#started || this.#stopped || this.#failed) return;
    for (const entry of this.#queue) {
      if (this.#underWay >= MOST_UNDER_WAY) return;
      if (entry.state === 'waiting') void this.#deliver(entry);
    }
  }

  async #deliver(entry: Entry): Promise<void> {
    const { topic, payload, retain } = entry.message;
    entry.state = 'under-way';
    this.#underWay += 1;
    try {
      await this.#options.publish(topic, payload, { retain, qos: 1 });
      entry.state = 'delivered';
    } catch (error) {
      if (!this.#failed) this.#options.logger.warn({ reason: messageOf(error) }, 'an outgoing message was not taken');
      this.#failed = true;
    }
    this.#underWay -= 1;
    this.#settle();
  }

  /** Reports what went out, in order; after a failure starts again from the first that did not. */
  #settle(): void {
    const open = this.#queue.findIndex((entry) => entry.state !== 'delivered');
    const done = this.#queue
      .splice(0, open === -1 ? this.#queue.length : open)
      .flatMap(({ message }) => (message.id > 0 ? [message.id] : []));
    if (done.length > 0) this.#options.delivered(done);
    if (!this.#failed) this.#send();
    else if (this.#underWay === 0 && !this.#stopped) this.#retry = setTimeout(() => this.#again(), RETRY_MS);
  }

  #again(): void {
    this.#failed = false;
    for (const entry of this.#queue) entry.state = 'waiting';
    this.#send();
  }
}
