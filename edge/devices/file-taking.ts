/**
 * One file into the journal, each exactly once. It is read twice: the first time everything in it is checked and hashed,
 * so that a file that is broken at its end is refused as a whole; the second time its records go to the journal, some
 * hundred at once, each portion in one commit with how far the file was read. After a crash it goes on there. A file
 * that changes meanwhile is given up and begun anew when it rests: what was stored of it is known by its transactions.
 */
import { createHash } from 'node:crypto';
import type { FileIntake } from '../contracts/files.ts';
import type { FileReader, FileRecord, NotUnderstood } from '../contracts/formats.ts';
import type { Receipt, SourcePosition } from '../contracts/intake.ts';
import { looksAlike } from './file-look.ts';
import type { FileMemory, FileState } from './file-memory.ts';
import type { Folder, OpenFile } from './folder-host.ts';
import { type Listed, told } from './folder-list.ts';

/** Bytes of a file; a day of a busy till has less. */
const LARGEST = 67_108_864;
/** Read at once: what it takes to check a piece holds up everybody. */
const PIECE = 16_384;
/** Records in one commit: a device that speaks meanwhile waits behind no more. */
const PORTION = 250;

export type Outcome =
  | { readonly is: 'taken'; readonly records: number; readonly repeated: number; readonly note: string | undefined }
  | { readonly is: 'refused'; readonly reason: string }
  /** It changed, or is gone: it is looked at again. */
  | { readonly is: 'changed' }
  /** The hub stops. */
  | { readonly is: 'stopped' };

export interface TakingParts {
  readonly device: string;
  readonly folder: Pick<Folder, 'open'>;
  readonly files: FileIntake;
  readonly memory: FileMemory;
  /** Gives it again and again until it is stored; nothing: the hub stops. */
  readonly stored: (give: (done: (receipt: Receipt) => void) => void) => Promise<Receipt | undefined>;
}

interface Checked {
  readonly digest: string;
  readonly count: number;
  /** All of them, where they are few. */
  readonly records: readonly FileRecord[] | undefined;
  readonly fault: string | undefined;
  readonly note: string | undefined;
}

const CHANGED = { is: 'changed' } as const;
const STOPPED = { is: 'stopped' } as const;

/** Throws what the file system says of the file. */
export async function takeFile(parts: TakingParts, listed: Listed, received: number): Promise<Outcome> {
  const file = await parts.folder.open(listed.name, PIECE);
  if (file === undefined) return CHANGED;
  try {
    return await new Taking(parts, listed, file, received).run();
  } finally {
    // Nobody waits for it: it may hang as anything there.
    file.close().catch(() => undefined);
  }
}

class Taking {
  readonly #parts: TakingParts;
  readonly #listed: Listed;
  readonly #file: OpenFile;
  readonly #received: number;
  #repeated = 0;

  constructor(parts: TakingParts, listed: Listed, file: OpenFile, received: number) {
    this.#parts = parts;
    this.#listed = listed;
    this.#file = file;
    this.#received = received;
  }

  async run(): Promise<Outcome> {
    const { opened } = this.#file;
    if (opened === undefined || !looksAlike(opened, this.#listed)) return CHANGED;
    const { name, size } = this.#listed;
    if (size > LARGEST) return this.#refuse('', 'larger than 64 MiB: expected smaller files, such as one a day');
    const checked = await this.#check();
    if (!(await this.#rests())) return CHANGED;
    const known = this.#parts.memory.get(name);
    const before = known?.digest === checked.digest ? known.done : 0;
    const { digest, count, fault, note } = checked;
    if (typeof before === 'string') {
      // Only touched.
      if (!(await this.#give([], { digest, done: before }))) return STOPPED;
      return before === 'taken' ? { is: 'taken', records: 0, repeated: 0, note } : { is: 'refused', reason: '' };
    }
    if (fault !== undefined) return this.#refuse(digest, fault);
    const outcome = checked.records
      ? await this.#giveAll(checked.records.slice(before), digest)
      : await this.#readAgain(digest, before);
    return outcome ?? { is: 'taken', records: count - before, repeated: this.#repeated, note };
  }

  /** Whether it is as it was listed. */
  async #rests(): Promise<boolean> {
    const look = await this.#file.look();
    return look !== undefined && looksAlike(look, this.#listed);
  }

  async #check(): Promise<Checked> {
    const { files, device } = this.#parts;
    const reader = files.open(device);
    const hash = createHash('sha256');
    const kept: FileRecord[] = [];
    let count = 0;
    let fault: string | undefined;
    const look = (records: readonly FileRecord[] | NotUnderstood): void => {
      if ('reason' in records) {
        fault = records.reason;
        return;
      }
      for (const record of records) {
        fault ??= files.check(device, record, this.#received)?.reason;
        count += 1;
        if (count <= PORTION) kept.push(record);
      }
    };
    for await (const piece of this.#pieces()) {
      hash.update(piece);
      if (fault === undefined) look(reader.push(piece));
    }
    if (fault === undefined) look(reader.end());
    const records = count <= PORTION ? kept : undefined;
    return { digest: hash.digest('base64url'), count, records, fault, note: reader.note() };
  }

  async *#pieces(): AsyncGenerator<Buffer> {
    const { size } = this.#listed;
    for (let at = 0; at < size; ) {
      const piece = at === 0 ? this.#file.beginning : await this.#file.read(at, PIECE);
      if (piece.length === 0) return;
      at += piece.length;
      yield piece;
    }
  }

  async #giveAll(records: readonly FileRecord[], digest: string): Promise<Outcome | undefined> {
    if (!(await this.#give(records, { digest, done: 'taken' }))) return STOPPED;
    return undefined;
  }

  /** The second time: what is stored already is passed over. */
  async #readAgain(digest: string, before: number): Promise<Outcome | undefined> {
    const { files, device } = this.#parts;
    const reader: FileReader = files.open(device);
    const hash = createHash('sha256');
    let seen = 0;
    let portion: FileRecord[] = [];
    const add = (records: readonly FileRecord[] | NotUnderstood): boolean => {
      if ('reason' in records) return false;
      for (const record of records) {
        seen += 1;
        if (seen > before) portion.push(record);
      }
      return true;
    };
    for await (const piece of this.#pieces()) {
      hash.update(piece);
      if (!add(reader.push(piece))) return CHANGED;
      while (portion.length >= PORTION) {
        if (!(await this.#rests())) return CHANGED;
        const records = portion.slice(0, PORTION);
        portion = portion.slice(PORTION);
        if (!(await this.#give(records, { digest, done: seen - portion.length }))) return STOPPED;
      }
    }
    if (!add(reader.end()) || hash.digest('base64url') !== digest) return CHANGED;
    return this.#giveAll(portion, digest);
  }

  /** Whether it was stored; a portion that the journal itself refused is kept there as a dead letter. */
  async #give(records: readonly FileRecord[], state: Pick<FileState, 'digest' | 'done'>): Promise<boolean> {
    const { files, device } = this.#parts;
    const receipt = await this.#commit(state, (position, done) =>
      files.give(device, records, this.#received, position, done),
    );
    if (receipt?.outcome === 'accepted') this.#repeated += receipt.repeated;
    return receipt !== undefined;
  }

  async #refuse(digest: string, fault: string): Promise<Outcome> {
    const { files, device } = this.#parts;
    const reason = `${told(this.#listed.name)}: ${fault}`;
    const receipt = await this.#commit({ digest, done: 'refused' }, (position, done) =>
      files.refuse(device, reason, this.#received, position, done),
    );
    return receipt === undefined ? STOPPED : { is: 'refused', reason };
  }

  async #commit(
    { digest, done }: Pick<FileState, 'digest' | 'done'>,
    give: (position: SourcePosition, settled: (receipt: Receipt) => void) => void,
  ): Promise<Receipt | undefined> {
    const { memory, stored } = this.#parts;
    const { name, size, changed } = this.#listed;
    const state: FileState = { size, changed, digest, done };
    const position = memory.position(name, state);
    const receipt = await stored((settled) => give(position, settled));
    if (receipt !== undefined) memory.committed(name, state);
    return receipt;
  }
}
