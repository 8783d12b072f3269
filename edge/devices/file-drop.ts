/**
 * Files that another program leaves in a folder, such as a till that knows nothing else. Network shares tell of no
 * change, so the folder is looked at every few seconds; where the system tells, at once. A file is taken when it has not
 * changed for `settle`, oldest first, one after the other: later files do not overtake one that cannot be stored now.
 * What is wrong is said once, and taken back when it is mended. Each folder goes its own way.
 */
import type { FolderSource } from '../contracts/devices.ts';
import { messageOf } from '../contracts/errors.ts';
import { fileWords, writeWords } from '../contracts/file-words.ts';
import type { FileIntake } from '../contracts/files.ts';
import { rightsAdvice } from '../contracts/folder-rights.ts';
import type { Receipt } from '../contracts/intake.ts';
import type { Logger } from '../ops/logging.ts';
import { looksAlike } from './file-look.ts';
import { FileMemory, MOST_FILES } from './file-memory.ts';
import { type Outcome, takeFile } from './file-taking.ts';
import { type Folder, type FolderHost, failed } from './folder-host.ts';
import { isGone, type Listed, told } from './folder-list.ts';
import { Settling } from './settling.ts';

/** Between two looks when nothing is told. */
const POLL_MS = 3000;
/** What is told comes in heaps. */
const HINT_MS = 100;
/** Between two tries to store, at first and at most. */
const AGAIN_MS = 500;
const MOST_AGAIN_MS = 10_000;
const STOP_MS = 3000;

type Trouble = 'folder' | 'journal' | 'rights' | 'after' | 'file';

export interface FileDropParts {
  readonly device: string;
  readonly source: FolderSource;
  readonly files: FileIntake;
  readonly host: Pick<FolderHost, 'folder'>;
  /** What is wrong, in a sentence for an installer; undefined: it works again. */
  readonly trouble: (reason: string | undefined) => void;
  readonly logger: Logger;
}

export class FileDrop {
  readonly #parts: FileDropParts;
  readonly #memory: FileMemory;
  readonly #folder: Folder;
  readonly #settling: Settling;
  #running: Promise<void> | undefined;
  #stopped = false;
  #isHinted = false;
  /** From a hint to the look, ms: a full folder takes long to look at, and is not looked at all the time. */
  #hintMs = HINT_MS;
  #wake: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #told: string | undefined;
  /** Of the folder, of what cannot be stored, of a file: the first of them is told. */
  readonly #troubles = new Map<Trouble, string>();

  constructor(parts: FileDropParts) {
    this.#parts = parts;
    this.#memory = new FileMemory(parts.files, parts.device);
    const { path, files, after } = parts.source;
    this.#folder = parts.host.folder({
      ...{ path, files, writes: after !== 'keep' },
      changed: () => this.#hint(),
      away: () => this.#trouble('folder', `the folder ${path} does not answer`),
    });
    this.#settling = new Settling(parts.source.settle);
  }

  async start(): Promise<void> {
    this.#running = this.#run();
  }

  /** A file that is being taken goes on at the next start. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#wake?.();
    // A share that does not answer must not hold up the stop.
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, STOP_MS);
    });
    await Promise.race([this.#running, patience]);
    clearTimeout(timer);
  }

  async #run(): Promise<void> {
    await this.#load();
    while (!this.#stopped) {
      let restMs = POLL_MS;
      try {
        restMs = await this.#look();
      } catch (error) {
        this.#trouble('folder', `the folder ${this.#parts.source.path} cannot be read: ${folderWords(error)}`);
      }
      await this.#rest(restMs);
    }
  }

  async #load(): Promise<void> {
    while (!this.#stopped) {
      try {
        await this.#memory.load();
        return;
      } catch (error) {
        this.#trouble('journal', `what was read already is not known yet: ${messageOf(error)}`);
        await this.#rest(AGAIN_MS);
      }
    }
  }

  /** Looks at the folder and takes what is ready; gives the time until the next look, ms. */
  async #look(): Promise<number> {
    const started = performance.now();
    const { files, link, unwritable } = await this.#folder.list();
    const now = performance.now();
    this.#hintMs = Math.min(POLL_MS, Math.max(HINT_MS, 4 * (now - started)));
    this.#settling.keepOnly(files);
    const ready: Listed[] = [];
    let isFull = false;
    for (const file of files) {
      const known = this.#memory.get(file.name);
      if (known !== undefined && typeof known.done === 'string' && looksAlike(known, file)) {
        await this.#after(file, known.done);
      } else if (known === undefined && this.#memory.size >= MOST_FILES && files.length > MOST_FILES) {
        isFull = true;
      } else if (this.#settling.hasSettled(file, now)) ready.push(file);
    }
    this.#trouble('folder', this.#folderTrouble(link, isFull, now));
    this.#trouble('rights', unwritable && this.#rightsTrouble(failed(unwritable)));
    for (const file of ready) {
      if (this.#stopped) return 0;
      await this.#take(file);
    }
    await this.#memory.bound(() => new Set(files.map(({ name }) => name)));
    const restMs = ready.length > 0 ? 0 : this.#settling.restMs(performance.now());
    return Math.min(POLL_MS, Math.max(this.#hintMs, restMs));
  }

  #folderTrouble(link: string | undefined, isFull: boolean, now: number): string | undefined {
    if (isFull) return `more than ${MOST_FILES} files are kept in the folder: clear it up, or set after: move`;
    const restless = this.#settling.restless(now);
    if (restless !== undefined)
      return `${told(restless)} has been changing for more than 10 min: it is taken when it rests for the time of settle`;
    return link === undefined ? undefined : `${link} is a link, which is not followed: leave the file itself`;
  }

  #rightsTrouble(error: unknown): string {
    const { path, after } = this.#parts.source;
    const what = after === 'delete' ? 'deleted' : 'moved';
    return `files of ${path} cannot be ${what}: ${writeWords(error)}${rightsAdvice(error, path)}`;
  }

  async #take(file: Listed): Promise<void> {
    const { device, files, logger } = this.#parts;
    let outcome: Outcome;
    try {
      const parts = { device, folder: this.#folder, files, memory: this.#memory };
      outcome = await takeFile({ ...parts, stored: (give) => this.#stored(give) }, file, Date.now());
    } catch (error) {
      this.#trouble('file', `${told(file.name)} cannot be read: ${wordsOf(error)}`);
      this.#settling.again(file.name);
      return;
    }
    if (outcome.is === 'stopped') return;
    if (outcome.is === 'changed') {
      this.#settling.again(file.name);
      return;
    }
    this.#settling.done(file.name);
    const name = told(file.name);
    if (outcome.is === 'taken') {
      const { records, repeated, note } = outcome;
      logger.info({ device, file: name, records, repeated, ...(note !== undefined && { note }) }, 'a file was taken');
      this.#trouble('file', undefined);
    } else if (outcome.reason !== '') {
      logger.warn({ device, file: name, reason: outcome.reason }, 'a file was refused');
      this.#trouble('file', `refused: ${outcome.reason}`);
    }
    await this.#after(file, outcome.is);
  }

  /** Again and again, in order, until it is stored; nothing: the hub stops. */
  async #stored(give: (done: (receipt: Receipt) => void) => void): Promise<Receipt | undefined> {
    for (let pause = AGAIN_MS; ; pause = Math.min(pause * 2, MOST_AGAIN_MS)) {
      if (this.#stopped) return undefined;
      const receipt = await new Promise<Receipt>((resolve) => give(resolve));
      if (receipt.outcome !== 'not-stored') {
        this.#trouble('journal', undefined);
        return receipt;
      }
      this.#trouble('journal', `its files wait, nothing can be stored now: ${receipt.reason}`);
      await this.#rest(pause);
    }
  }

  /** What becomes of a file whose events are committed. It stays where that is not possible, and is not read again. */
  async #after(file: Listed, state: 'taken' | 'refused'): Promise<void> {
    const { path, after } = this.#parts.source;
    if (after === 'keep' || (after === 'delete' && state === 'refused')) return;
    try {
      if (!(await this.#folder.put(file.name, file, after === 'delete' ? undefined : state))) return;
    } catch (error) {
      if (!isGone(error)) {
        const what = after === 'delete' ? 'deleted' : `moved to ${state}/`;
        const why = `${writeWords(error)}${rightsAdvice(error, path)}`;
        this.#trouble('after', `${told(file.name)} cannot be ${what}: ${why}`);
      }
      return;
    }
    this.#trouble('after', undefined);
    try {
      await this.#memory.forget([file.name]);
    } catch {
      // Remembered for nothing until the bound is reached.
    }
  }

  #hint(): void {
    // The first one counts: somebody who writes without a pause must not put the look off for ever.
    if (this.#isHinted) return;
    this.#isHinted = true;
    if (this.#wake === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#wake, this.#hintMs);
  }

  async #rest(ms: number): Promise<void> {
    if (this.#stopped) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      this.#timer = setTimeout(resolve, this.#isHinted ? Math.min(ms, this.#hintMs) : ms);
    });
    clearTimeout(this.#timer);
    this.#wake = undefined;
    this.#isHinted = false;
  }

  #trouble(of: Trouble, reason: string | undefined): void {
    if (reason === undefined) this.#troubles.delete(of);
    else this.#troubles.set(of, reason);
    const { folder, journal, rights, after, file } = Object.fromEntries(this.#troubles);
    const first = folder ?? journal ?? rights ?? after ?? file;
    if (first === this.#told) return;
    this.#told = first;
    this.#parts.trouble(first);
  }
}

function folderWords(error: unknown): string {
  const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
  return isMissing ? 'there is no such folder; it is looked for every few seconds' : wordsOf(error);
}

/** What is no error of the file system speaks for itself. */
function wordsOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? fileWords(error) : messageOf(error);
}
