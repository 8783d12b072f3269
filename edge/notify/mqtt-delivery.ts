/**
 * Delivers outbox messages to the broker in their order, one at a time, and reports each that went out. At start
 * what was left over goes first, then every open alert again: the broker's retained messages do not outlive it.
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

export class MqttDelivery {
  readonly #options: MqttDeliveryOptions;
  #queue: OutMessage[] = [];
  #running = false;
  #stopped = false;
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
    this.push([...leftovers, ...again]);
  }

  push(messages: readonly OutMessage[]): void {
    this.#queue.push(...messages);
    if (!this.#running) void this.#run();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#retry);
  }

  async #run(): Promise<void> {
    this.#running = true;
    const done: number[] = [];
    try {
      while (!this.#stopped) {
        const message = this.#queue[0];
        if (!message) break;
        await this.#options.publish(message.topic, message.payload, { retain: message.retain, qos: 1 });
        this.#queue.shift();
        if (message.id > 0) done.push(message.id);
      }
    } catch (error) {
      this.#options.logger.warn({ reason: messageOf(error) }, 'an outgoing message was not taken, trying again');
      this.#retry = setTimeout(() => void this.#run(), RETRY_MS);
      return;
    } finally {
      if (done.length > 0) this.#options.delivered(done);
    }
    this.#running = false;
  }
}
