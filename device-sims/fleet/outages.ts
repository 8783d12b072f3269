/**
 * Who has no connection just now, and what comes of what they say meanwhile: most kinds of devices keep it and say it
 * later with its own time, as tills, gateways and counters do; some have no store worth the name; and what has only a
 * radio loses what it says into the air.
 */

export type Offline = 'keeps' | 'forgets' | 'radio';

/** Battery and radio behind a network server: no connection of their own, no acknowledgement, no second try. */
const RADIO = new Set(['chirpstack', 'things-stack', 'zigbee2mqtt']);
/** What readers and cameras saw is of the moment: their queues hold seconds. The simplest sensors have none. */
const FORGETTING = new Set(['impinj', 'ble-gateway', 'frigate', 'mapping']);

/** @param codec of a device that speaks a vendor's format */
export function offlineOf(codec: unknown): Offline {
  if (typeof codec !== 'string') return 'keeps';
  return RADIO.has(codec) ? 'radio' : FORGETTING.has(codec) ? 'forgets' : 'keeps';
}

interface Outage {
  /** Several faults may strike at once. */
  depth: number;
  readonly over: Promise<void>;
  readonly end: () => void;
}

export class Outages {
  readonly #out = new Map<string, Outage>();
  readonly #cuts = new Map<string, AbortController>();

  isOut(device: string): boolean {
    return this.#out.has(device);
  }

  /** Resolves when it has its connection; at once where it has. */
  async over(device: string): Promise<void> {
    for (let outage = this.#out.get(device); outage !== undefined; outage = this.#out.get(device)) await outage.over;
  }

  /** Fires when the next outage begins: what is on its way then is not answered any more. */
  cut(device: string): AbortSignal {
    let controller = this.#cuts.get(device);
    if (controller === undefined) {
      controller = new AbortController();
      this.#cuts.set(device, controller);
    }
    return controller.signal;
  }

  /** Everybody has a connection again, however often it was cut. */
  endAll(): void {
    for (const outage of this.#out.values()) outage.end();
    this.#out.clear();
    for (const controller of this.#cuts.values()) controller.abort();
    this.#cuts.clear();
  }

  /** True if it had its connection until now. */
  begin(device: string): boolean {
    const outage = this.#out.get(device);
    if (outage !== undefined) {
      outage.depth += 1;
      return false;
    }
    let end = (): void => undefined;
    const over = new Promise<void>((resolve) => {
      end = resolve;
    });
    this.#out.set(device, { depth: 1, over, end });
    this.#cuts.get(device)?.abort();
    this.#cuts.delete(device);
    return true;
  }

  /** True if it has its connection from now on. */
  end(device: string): boolean {
    const outage = this.#out.get(device);
    if (outage === undefined) return false;
    outage.depth -= 1;
    if (outage.depth > 0) return false;
    this.#out.delete(device);
    outage.end();
    return true;
  }
}
