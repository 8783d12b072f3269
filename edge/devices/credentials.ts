/**
 * Checks a name and a password, for MQTT and for HTTP. scrypt is slow and hungry on purpose, so: two at a time; a
 * bounded line for the rest; what was right stays right for ten minutes without computing it again, or a fleet that
 * reconnects would melt the box; and an address that was wrong ten times in a minute waits until the minute is over,
 * whatever it sends. An unknown name costs the same as a known one.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { AttemptLimit } from '../ops/attempt-limit.ts';
import { CalmLog } from '../ops/calm-log.ts';
import type { Logger } from '../ops/logging.ts';
import { nobodysHash, verifyPassword } from '../ops/passwords.ts';
import { type User, type UserEntry, usersByName } from './users.ts';

export type Verdict =
  | { readonly is: 'user'; readonly user: User }
  /** No such name, or not its password; the caller does not learn which. */
  | { readonly is: 'wrong' }
  /** Not checked: come back in so many milliseconds. */
  | { readonly is: 'later'; readonly afterMs: number }
  /** Nobody waits for the verdict any more. */
  | { readonly is: 'gone' };

export interface Claim {
  readonly name: string;
  readonly password: Uint8Array;
  /** Where it comes from. */
  readonly address: string | undefined;
  /** MQTT client id, for the log. */
  readonly client?: string;
  /** Asked when its turn comes: whether anybody still waits. */
  readonly wanted: () => boolean;
}

export interface CredentialsOptions {
  readonly users: readonly UserEntry[];
  readonly logger: Logger;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
}

export interface CredentialCounters {
  /** Wrong names or passwords. */
  wrong: number;
  /** Turned away unchecked: the address was wrong too often, or too many waited. */
  later: number;
  /** How often scrypt ran. */
  computed: number;
}

const AT_ONCE = 2;
const MOST_WAITING = 512;
const LONGEST_PASSWORD = 1024;
const REMEMBERED_MS = 600_000;
const MOST_REMEMBERED = 4096;
const FAILURES = 10;
const WINDOW_MS = 60_000;
/** When the line is full. */
const BUSY_MS = 5_000;

export class Credentials {
  readonly counters: CredentialCounters = { wrong: 0, later: 0, computed: 0 };
  readonly users: ReadonlyMap<string, User>;
  readonly #now: () => number;
  readonly #log: CalmLog;
  readonly #limit: AttemptLimit;
  readonly #nobody = nobodysHash();
  readonly #secret = randomBytes(32);
  /** Digests of what was right, and when that is forgotten; oldest first. */
  readonly #right = new Map<string, number>();
  /** The same claim at the same time is computed once. */
  readonly #computing = new Map<string, Promise<boolean>>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  /** Throws when a password_hash is none. */
  constructor({ users, logger, now = () => performance.now() }: CredentialsOptions) {
    this.users = usersByName(users);
    this.#now = now;
    this.#log = new CalmLog(logger, now);
    this.#limit = new AttemptLimit({ failures: FAILURES, windowMs: WINDOW_MS, now });
  }

  async check(claim: Claim): Promise<Verdict> {
    const user = this.users.get(claim.name);
    const digest = this.#digest(claim);
    const early = this.#tooOften(claim);
    if (early !== undefined) return early;
    if (user !== undefined && (this.#right.get(digest) ?? Number.NEGATIVE_INFINITY) > this.#now()) {
      return { is: 'user', user };
    }
    if (claim.password.length > LONGEST_PASSWORD) return this.#wrong(claim);
    const running = this.#computing.get(digest);
    if (running === undefined) {
      if (this.#running >= AT_ONCE) {
        if (this.#waiting.length >= MOST_WAITING) return this.#later(BUSY_MS);
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
      } else {
        this.#running += 1;
      }
    }
    try {
      if (!claim.wanted()) return { is: 'gone' };
      // Others of the same address may have been wrong while this one waited.
      const late = this.#tooOften(claim);
      if (late !== undefined) return late;
      const right = await (running ?? this.#computing.get(digest) ?? this.#compute(digest, claim, user));
      return right && user !== undefined ? { is: 'user', user } : this.#wrong(claim);
    } finally {
      if (running === undefined) this.#next();
    }
  }

  async #compute(digest: string, claim: Claim, user: User | undefined): Promise<boolean> {
    if (user !== undefined && (this.#right.get(digest) ?? Number.NEGATIVE_INFINITY) > this.#now()) return true;
    this.counters.computed += 1;
    const computing = verifyPassword(claim.password, user?.hash ?? this.#nobody);
    this.#computing.set(digest, computing);
    try {
      const right = (await computing) && user !== undefined;
      if (right) this.#remember(digest);
      return right;
    } finally {
      this.#computing.delete(digest);
    }
  }

  /** The slot of this one goes to the first in line. */
  #next(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running -= 1;
    else next();
  }

  #remember(digest: string): void {
    this.#right.delete(digest);
    for (const oldest of this.#right.keys()) {
      if (this.#right.size < MOST_REMEMBERED) break;
      this.#right.delete(oldest);
    }
    this.#right.set(digest, this.#now() + REMEMBERED_MS);
  }

  #tooOften({ address }: Claim): Verdict | undefined {
    const wait = this.#limit.waitFor(address);
    return wait > 0 ? this.#later(wait) : undefined;
  }

  #later(afterMs: number): Verdict {
    this.counters.later += 1;
    return { is: 'later', afterMs };
  }

  #wrong({ name, address, client }: Claim): Verdict {
    this.counters.wrong += 1;
    const waits = this.#limit.failed(address);
    const who = { ...(client !== undefined && { client }), address, user: name.slice(0, 128) };
    this.#log.warn(
      who,
      waits
        ? `wrong user name or password, ${FAILURES} times in a minute: this address waits for the rest of it`
        : 'wrong user name or password',
    );
    return { is: 'wrong' };
  }

  /** Keyed by what only this process knows, so that memory holds nothing that a guess could be compared with. */
  #digest({ name, password }: Claim): string {
    const hmac = createHmac('sha256', this.#secret)
      .update(`${Buffer.byteLength(name)}:${name}:`)
      .update(password);
    return hmac.digest('base64');
  }
}
