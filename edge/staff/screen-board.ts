/**
 * What the screens of each zone are to show, as the hub last said it: the same messages that go out by MQTT are put
 * on this board after their commit, and at start those that stand.
 */

/** An offer as a screen shows it. */
export interface Shown {
  readonly offer: string;
  /** Name of the product; absent: nobody gave it one. */
  readonly product?: string | undefined;
  readonly text: string;
  /** The last calendar day in the store, `YYYY-MM-DD`. */
  readonly until: string;
  /** ISO 8601: from then on nobody may show it. */
  readonly expires: string;
}

export interface BoardOptions {
  readonly zones: readonly string[];
  /** What a product is called in a zone. */
  readonly nameOf: (zone: string, gtin: string) => string | undefined;
  /** Epoch ms -> the store's calendar day. */
  readonly dayAt: (ms: number) => string;
  /** Epoch ms. */
  readonly now: () => number;
}

/** A zone's offer as it was sent; an empty payload clears it. */
export interface ZoneMessage {
  readonly zone: string;
  readonly payload: string;
}

export class ScreenBoard {
  readonly #options: BoardOptions;
  readonly #shown = new Map<string, Shown>();
  readonly #listeners = new Set<(zone: string) => void>();

  constructor(options: BoardOptions) {
    this.#options = options;
  }

  get zones(): readonly string[] {
    return this.#options.zones;
  }

  now(): Date {
    return new Date(this.#options.now());
  }

  /** What was sent, in its order. Each zone that changed is told once, with how it stands after all of it. */
  hear(messages: readonly ZoneMessage[]): void {
    const changed = new Set<string>();
    for (const { zone, payload } of messages) {
      changed.add(zone);
      if (payload === '') this.#shown.delete(zone);
      else this.#shown.set(zone, this.#read(zone, payload));
    }
    for (const zone of changed) for (const listener of this.#listeners) listener(zone);
  }

  /** What a zone shows now; never what is past its time, though the hub may be about to say so. */
  of(zone: string): Shown | undefined {
    const shown = this.#shown.get(zone);
    return shown && Date.parse(shown.expires) > this.#options.now() ? shown : undefined;
  }

  /** Calls `listener` with each zone that changed; returns what ends that. */
  onChange(listener: (zone: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #read(zone: string, payload: string): Shown {
    const { id, gtin, text, expires } = JSON.parse(payload) as Record<'id' | 'gtin' | 'text' | 'expires', string>;
    // The last moment belongs to the last day.
    const until = this.#options.dayAt(Date.parse(expires) - 1);
    return { offer: id, product: this.#options.nameOf(zone, gtin), text, until, expires };
  }
}
