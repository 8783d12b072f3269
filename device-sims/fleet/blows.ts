/** Lets the planned faults strike and end as the shop's time passes. */
import type { HubLinks } from './links.ts';
import type { SimDevice } from './sim-device.ts';
import type { Strike } from './strikes.ts';

interface Moment {
  readonly at: number;
  readonly begins: boolean;
  readonly strike: Strike;
}

export class Blows {
  readonly #devices: ReadonlyMap<string, SimDevice>;
  readonly #links: Pick<HubLinks, 'cut' | 'mend'>;
  readonly #silent = new Set<string>();
  readonly #going = new Set<Strike>();
  #moments: readonly Moment[] = [];
  #next = 0;

  constructor(devices: ReadonlyMap<string, SimDevice>, links: Pick<HubLinks, 'cut' | 'mend'>) {
    this.#devices = devices;
    this.#links = links;
  }

  plan(strikes: readonly Strike[]): void {
    const moments = strikes.flatMap((strike): Moment[] => [
      { at: strike.from, begins: true, strike },
      { at: strike.until, begins: false, strike },
    ]);
    this.#moments = moments.sort((a, b) => a.at - b.at);
  }

  isSilent(device: string): boolean {
    return this.#silent.has(device);
  }

  /** What is due until now, epoch ms of the simulated clock. */
  pass(now: number): void {
    for (let moment = this.#moments[this.#next]; moment !== undefined && moment.at <= now; ) {
      this.#next += 1;
      this.#strike(moment.strike, moment.begins);
      moment = this.#moments[this.#next];
    }
  }

  /** Whatever goes on is over. */
  end(): void {
    this.#next = this.#moments.length;
    for (const strike of [...this.#going]) this.#strike(strike, false);
  }

  #strike(strike: Strike, begins: boolean): void {
    const { fault, device: name, antenna } = strike;
    const device = this.#devices.get(name);
    if (device === undefined) return;
    if (begins) this.#going.add(strike);
    else this.#going.delete(strike);
    if (fault === 'silence') {
      if (begins) this.#silent.add(name);
      else this.#silent.delete(name);
    } else if (fault === 'reboot' && begins) device.reboot?.();
    else if (fault === 'blind') device.blind?.(antenna, begins);
    else if (fault === 'unplug' && device.unplug !== undefined) device.unplug(begins);
    else if (fault === 'unplug' || fault === 'wifi') {
      if (begins) this.#links.cut(name);
      else this.#links.mend(name);
    }
  }
}
