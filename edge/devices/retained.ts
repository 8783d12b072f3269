/**
 * Retained messages: the last one of each topic, for whoever subscribes later. Bounded in topics and in bytes, except
 * those of the hub, which are few and which no client may crowd out.
 */
import type { RetainedMessage } from '../contracts/sessions.ts';
import { matches } from './filter-tree.ts';
import { keptTopic } from './without-cards.ts';

/** What a topic costs besides its name and payload, roughly. */
const OVERHEAD_BYTES = 128;

export class Retained {
  readonly #topics: number;
  readonly #limit: number;
  readonly #messages = new Map<string, RetainedMessage>();
  bytes = 0;

  /** At most so many topics, and so many bytes of them. */
  constructor(topics: number, bytes: number) {
    this.#topics = topics;
    this.#limit = bytes;
  }

  get size(): number {
    return this.#messages.size;
  }

  /** Whether it was taken; an empty payload clears. */
  put(message: RetainedMessage): boolean {
    const name = keptTopic(message.topic);
    const before = this.#messages.get(name);
    const change = (message.payload.length === 0 ? 0 : costOf(message)) - (before === undefined ? 0 : costOf(before));
    if (message.payload.length === 0) this.#messages.delete(name);
    else if (!name.startsWith('out/') && this.#isFull(before === undefined, change)) return false;
    else this.#messages.set(name, message);
    this.bytes += change;
    return true;
  }

  #isFull(another: boolean, change: number): boolean {
    return (another && this.size >= this.#topics) || (change > 0 && this.bytes + change > this.#limit);
  }

  has(topic: string): boolean {
    return this.#messages.has(keptTopic(topic));
  }

  *matching(filter: string): Iterable<RetainedMessage> {
    if (!/[+#]/.test(filter)) {
      const message = this.#messages.get(keptTopic(filter));
      if (message !== undefined) yield message;
      return;
    }
    const kept = keptTopic(filter);
    for (const [name, message] of this.#messages) if (matches(kept, name)) yield message;
  }

  all(): Iterable<RetainedMessage> {
    return this.#messages.values();
  }
}

function costOf({ topic, payload }: RetainedMessage): number {
  return topic.length + payload.length + OVERHEAD_BYTES;
}
