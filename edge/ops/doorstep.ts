/**
 * Who may come in: so many connections in total, so many of one address. A connection that has not yet said what it
 * wants is silent, and stands on the doorstep. When a limit is reached, the oldest silent one gives way to the new one
 * (as in a SYN cache), so that thousands of silent sockets keep no device out, not even one from their own address.
 */

export interface DoorstepLimits {
  /** Connections at the same time, in total and of one address. */
  readonly connections: number;
  readonly perAddress: number;
}

/** One connection, from its arrival to its end. */
export interface Guest {
  /** It said what it wants: it does not give way to others any more. */
  spoke(): void;
  /** It is silent again: it has nothing more to do here at the moment. */
  fellSilent(): void;
  /** It is closed. */
  left(): void;
}

interface Household {
  guests: number;
  readonly silent: Set<Visitor>;
}

export class Doorstep {
  readonly #limits: DoorstepLimits;
  readonly #households = new Map<string, Household>();
  /** Oldest first. */
  readonly #silent = new Set<Visitor>();
  #guests = 0;
  /** How many were turned away, and how many silent ones gave way. */
  refused = 0;
  replaced = 0;

  constructor(limits: DoorstepLimits) {
    this.#limits = limits;
  }

  get guests(): number {
    return this.#guests;
  }

  /**
   * A new connection, silent at first; undefined when there is no room for it. `close` is called when it has to give
   * way: it must close the connection, and need not call `left`.
   */
  enter(address: string | undefined, close: () => void): Guest | undefined {
    const name = plainAddress(address);
    const household = this.#households.get(name) ?? { guests: 0, silent: new Set<Visitor>() };
    const full = household.guests >= this.#limits.perAddress;
    if (full || this.#guests >= this.#limits.connections) {
      const [oldest] = full ? household.silent : this.#silent;
      if (oldest === undefined) {
        this.refused += 1;
        return undefined;
      }
      this.replaced += 1;
      oldest.left();
      oldest.close();
    }
    this.#households.set(name, household);
    const visitor = new Visitor(close, (is) => this.#mark(visitor, name, household, is));
    household.guests += 1;
    this.#guests += 1;
    visitor.fellSilent();
    return visitor;
  }

  #mark(visitor: Visitor, name: string, household: Household, is: 'silent' | 'heard' | 'gone'): void {
    for (const set of [this.#silent, household.silent]) {
      set.delete(visitor);
      if (is === 'silent') set.add(visitor);
    }
    if (is !== 'gone') return;
    household.guests -= 1;
    this.#guests -= 1;
    if (household.guests === 0) this.#households.delete(name);
  }
}

class Visitor implements Guest {
  readonly close: () => void;
  readonly #mark: (is: 'silent' | 'heard' | 'gone') => void;
  #gone = false;

  constructor(close: () => void, mark: (is: 'silent' | 'heard' | 'gone') => void) {
    this.close = close;
    this.#mark = mark;
  }

  spoke(): void {
    if (!this.#gone) this.#mark('heard');
  }

  fellSilent(): void {
    if (!this.#gone) this.#mark('silent');
  }

  left(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#mark('gone');
  }
}

/** An IPv4 address is the same one whether or not it is written as IPv6. */
function plainAddress(address = ''): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}
