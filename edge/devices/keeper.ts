/**
 * Takes what the broker must remember to the disk: changes are gathered and written together, at once when somebody
 * waits for them, else within a second. After a write that failed the disk is behind, and everything is written anew
 * as soon as it can be: on an error forget, and recompute.
 */
import type { SessionChange } from '../contracts/sessions.ts';

export type Keep = (changes: readonly SessionChange[]) => Promise<void>;

const LAZY_MS = 1000;
const RETRY_MS = 5000;

export class Keeper {
  readonly #keep: Keep;
  readonly #everything: () => SessionChange[];
  /** In their order, each under what makes it obsolete: what waits is never more than what is remembered. */
  #changes = new Map<string | number, SessionChange>();
  #added = 0;
  #next: Promise<void> | undefined;
  #last: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #behind = false;
  #stopped = false;

  /** `keep` resolves when changes are on disk; `everything` is what the broker remembers now, as changes. */
  constructor(keep: Keep, everything: () => SessionChange[]) {
    this.#keep = keep;
    this.#everything = everything;
  }

  /** Nobody waits for it. */
  add(...changes: SessionChange[]): void {
    for (const change of changes) this.#gather(change);
    this.#later(LAZY_MS);
  }

  /** Resolves when everything that was added so far is on disk; rejects when it could not be written. */
  committed(): Promise<void> {
    if (this.#next !== undefined) return this.#next;
    if (this.#changes.size === 0 && !this.#behind) return this.#last;
    // What one turn of the event loop brings goes together.
    this.#next = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      this.#next = undefined;
      return this.#write();
    });
    this.#last = this.#next;
    return this.#next;
  }

  /** Writes what is left; resolves in any case. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    await this.committed().catch(() => undefined);
    this.#stopped = true;
  }

  #gather(change: SessionChange): void {
    // A message that was confirmed before it was written, and a retained one that another has replaced.
    if (change.is === 'unqueued' && this.#changes.delete(change.number)) return;
    const retained = change.is === 'retained' || change.is === 'cleared';
    this.#added += 1;
    const key = change.is === 'queued' ? change.number : retained ? `topic ${change.topic}` : `${this.#added}`;
    if (retained) this.#changes.delete(key);
    this.#changes.set(key, change);
  }

  #later(ms: number): void {
    if (this.#timer !== undefined || this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.committed().catch(() => undefined);
    }, ms);
    this.#timer.unref();
  }

  async #write(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    let changes: SessionChange[] = [];
    try {
      // Whether anything can be written at all is asked with little.
      if (this.#behind) await this.#keep([]);
      changes = [...this.#changes.values()];
      this.#changes.clear();
      if (this.#behind) {
        this.#behind = false;
        changes = [...changes.filter(ofHandshakes), { is: 'all-anew' }, ...this.#everything()];
      }
      await this.#keep(changes);
    } catch (thrown) {
      this.#behind = true;
      // The rest is told again by `everything`.
      const ended = [...changes, ...this.#changes.values()].filter(({ is }) => is === 'session-ended');
      this.#changes.clear();
      for (const change of ended) this.#gather(change);
      this.#later(RETRY_MS);
      throw thrown;
    }
  }
}

/** `everything` does not tell of these: the journal writes them too. */
function ofHandshakes({ is }: SessionChange): boolean {
  return is === 'noted' || is === 'released' || is === 'handshakes-forgotten' || is === 'session-ended';
}
