/**
 * What is remembered of the files of one folder, as committed with their events: name, size and time of change tell a
 * file at a glance, the hash of its content (SHA-256) where those differ. A file under the same name with another content
 * is another one; with the same, it was only touched.
 *
 * A file that is gone stays remembered: a network share that is away looks like an empty folder. Only files that the
 * hub itself moved or deleted are forgotten, and beyond a bound those of the absent that are oldest.
 */
import type { FileIntake } from '../contracts/files.ts';
import type { SourcePosition } from '../contracts/intake.ts';
import type { FileLook } from './file-look.ts';

/** More than a till writes in a month. */
export const MOST_FILES = 20_000;

export interface FileState extends FileLook {
  readonly digest: string;
  /** So many records of it are stored; or all, or it was refused. */
  readonly done: number | 'taken' | 'refused';
}

export class FileMemory {
  readonly #files: FileIntake;
  readonly #prefix: string;
  readonly #most: number;
  #states = new Map<string, FileState>();

  constructor(files: FileIntake, device: string, most = MOST_FILES) {
    this.#files = files;
    this.#prefix = `file/${device}/`;
    this.#most = most;
  }

  async load(): Promise<void> {
    const positions = await this.#files.positionsOf(this.#prefix);
    this.#states = new Map(
      positions.map(({ source, value }) => [source.slice(this.#prefix.length), JSON.parse(value) as FileState]),
    );
  }

  get size(): number {
    return this.#states.size;
  }

  get(name: string): FileState | undefined {
    return this.#states.get(name);
  }

  /** To be committed with what was read. */
  position(name: string, { size, changed, digest, done }: FileState): SourcePosition {
    return { source: this.#prefix + name, value: JSON.stringify({ size, changed, digest, done }) };
  }

  /** It was committed. */
  committed(name: string, state: FileState): void {
    this.#states.set(name, state);
  }

  async forget(names: readonly string[]): Promise<void> {
    const known = names.filter((name) => this.#states.has(name));
    if (known.length === 0) return;
    await this.#files.forget(known.map((name) => this.#prefix + name));
    for (const name of known) this.#states.delete(name);
  }

  /** Lets go of the oldest that are not there any more, while there are too many. */
  async bound(namesThere: () => ReadonlySet<string>): Promise<void> {
    const spare = this.#states.size - this.#most;
    if (spare <= 0) return;
    const there = namesThere();
    const age = (state: FileState): bigint => BigInt(state.changed);
    const absent = [...this.#states].filter(([name]) => !there.has(name));
    absent.sort(([, a], [, b]) => (age(a) < age(b) ? -1 : age(a) > age(b) ? 1 : 0));
    await this.forget(absent.slice(0, spare).map(([name]) => name));
  }
}
