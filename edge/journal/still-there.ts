/**
 * Whether the journal is still the file that was opened. SQLite goes on writing into a file that was deleted or
 * replaced, and what is acknowledged then would be gone with the process: so it is looked after once a second.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { JOURNAL_FILE } from './database.ts';

const LOOK_MS = 1000;

/** A disk that does not answer is no proof that something is gone. */
type Inode = number | 'none' | 'unknown';

export class StillThere {
  readonly #files: readonly string[];
  readonly #onGone: (reason: string) => void;
  #inodes: readonly Inode[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** `onGone` is called once, with a sentence. */
  constructor(dataDir: string, onGone: (reason: string) => void) {
    this.#files = ['', '-wal'].map((suffix) => join(dataDir, JOURNAL_FILE + suffix));
    this.#onGone = onGone;
  }

  /** The journal is open. */
  start(): void {
    this.#inodes = this.#files.map(inode);
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const gone = this.#files.find((file, i) => {
      const now = inode(file);
      return now !== 'unknown' && this.#inodes[i] !== 'unknown' && now !== this.#inodes[i];
    });
    if (gone === undefined) return;
    this.stop();
    this.#onGone(`${gone} was removed or replaced while the hub was using it`);
  }
}

function inode(file: string): Inode {
  try {
    return statSync(file, { throwIfNoEntry: false })?.ino ?? 'none';
  } catch {
    return 'unknown';
  }
}
