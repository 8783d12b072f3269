/**
 * What the broker keeps for its clients, without payment cards: topics, filters and client ids are known by a masked
 * name from the beginning, so that what is found after a restart is what was there before; a message goes to whoever is
 * there as it came, and is masked as it is written.
 */
import { maskCardDataInRaw } from '../contracts/card-data.ts';
import type { SessionChange } from '../contracts/sessions.ts';

/** The name under which a topic or a filter is kept and compared. */
export function keptTopic(topic: string): string {
  // The hub makes its own of names that are masked.
  return topic.startsWith('out/') ? topic : maskCardDataInRaw(topic);
}

/** Two client ids of which the mask shows the same are two clients: `conceal` tells them apart and nothing else. */
export function keptClient(id: string, conceal: (id: string) => string): string {
  const masked = maskCardDataInRaw(id);
  return masked === id ? id : `${masked}~${conceal(id).slice(0, 16)}`;
}

/** Masks what is about to be written. */
export class WithoutCards {
  readonly #mask: (payload: Uint8Array) => Uint8Array;
  /** One message may wait in many sessions. */
  readonly #masked = new WeakMap<Uint8Array, Uint8Array>();

  constructor(mask: (payload: Uint8Array) => Uint8Array) {
    this.#mask = mask;
  }

  readonly of = (change: SessionChange): SessionChange => {
    if (change.is === 'cleared') return { ...change, topic: keptTopic(change.topic) };
    if ((change.is !== 'queued' && change.is !== 'retained') || change.topic.startsWith('out/')) return change;
    return { ...change, topic: keptTopic(change.topic), payload: this.#payload(change.payload) };
  };

  #payload(payload: Uint8Array): Uint8Array {
    let masked = this.#masked.get(payload);
    if (masked === undefined) {
      masked = this.#mask(payload);
      this.#masked.set(payload, masked);
    }
    return masked;
  }
}
