/**
 * Who has entered the PIN of the staff page. A session is a random token, of which only a digest is kept, in memory:
 * a restart asks again. An address that is wrong five times in a minute waits until the minute is over; so do all that
 * never were right, when together they were wrong sixty times.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { AttemptLimit } from '../ops/attempt-limit.ts';

export type SignIn =
  | { readonly is: 'in'; readonly token: string }
  | { readonly is: 'wrong' }
  | { readonly is: 'later'; readonly afterMs: number };

export interface SessionsOptions {
  readonly pin: string;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
}

interface Session {
  usedAt: number;
  /** What is open on its strength, and ends with it. */
  readonly open: Set<() => void>;
}

const IDLE_MS = 12 * 3_600_000;
const MOST_SESSIONS = 500;
const FAILURES = 5;
const FAILURES_OF_ALL = 60;
const WINDOW_MS = 60_000;

export class Sessions {
  readonly #now: () => number;
  readonly #limit: AttemptLimit;
  readonly #secret = randomBytes(32);
  readonly #pin: Buffer;
  /** By the digest of the token, the one used longest ago first. */
  readonly #sessions = new Map<string, Session>();

  constructor({ pin, now = () => performance.now() }: SessionsOptions) {
    this.#now = now;
    this.#limit = new AttemptLimit({ failures: FAILURES, overall: FAILURES_OF_ALL, windowMs: WINDOW_MS, now });
    this.#pin = this.#keyed(pin);
  }

  signIn(pin: string, address: string | undefined): SignIn {
    const afterMs = this.#limit.waitFor(address);
    if (afterMs > 0) return { is: 'later', afterMs };
    if (!timingSafeEqual(this.#keyed(pin), this.#pin)) {
      this.#limit.failed(address);
      return { is: 'wrong' };
    }
    this.#limit.right(address);
    this.#makeRoom();
    const token = randomBytes(16).toString('base64url');
    this.#sessions.set(digestOf(token), { usedAt: this.#now(), open: new Set() });
    return { is: 'in', token };
  }

  /** True, and noted as used, when this token has a session. */
  use(token: string): boolean {
    const digest = digestOf(token);
    const session = this.#sessions.get(digest);
    if (session === undefined || this.#idle(session)) {
      this.#end(digest);
      return false;
    }
    session.usedAt = this.#now();
    this.#sessions.delete(digest);
    this.#sessions.set(digest, session);
    return true;
  }

  /** Calls `end` when the session ends; returns what stops that. What is open counts as use. */
  hold(token: string, end: () => void): () => void {
    const session = this.#sessions.get(digestOf(token));
    session?.open.add(end);
    return () => {
      if (session?.open.delete(end)) session.usedAt = this.#now();
    };
  }

  signOut(token: string): void {
    this.#end(digestOf(token));
  }

  #idle({ usedAt, open }: Session): boolean {
    return open.size === 0 && this.#now() - usedAt > IDLE_MS;
  }

  #makeRoom(): void {
    for (const [digest, session] of this.#sessions) {
      if (this.#idle(session) || this.#sessions.size >= MOST_SESSIONS) this.#end(digest);
    }
  }

  #end(digest: string): void {
    const session = this.#sessions.get(digest);
    this.#sessions.delete(digest);
    for (const end of session?.open ?? []) end();
  }

  /** Of one length whatever the PIN's is, and of no use outside of this process. */
  #keyed(pin: string): Buffer {
    return createHmac('sha256', this.#secret).update(pin).digest();
  }
}

function digestOf(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}
