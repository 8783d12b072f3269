/**
 * The write-ahead log as a file, read without SQLite. SQLite takes a log up to the first frame whose checksum does not
 * fit and forgets the rest without a word: right for a power cut, which can only spoil what was never acknowledged,
 * and wrong for a damaged disk, which takes acknowledged facts with it. Here the two are told apart.
 *
 *   header, 32 bytes: magic, format, page size, checkpoint number, salt (8), checksum of the first 24 (8)
 *   frame: page number, size of the database after a commit or 0, salt (8), running checksum (8), the page
 */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { PAGE_BYTES } from './database.ts';

const HEADER = 32;
const FRAME_HEADER = 24;
const MAGIC = 0x377f0682;
/** Read at once: a log that a reader kept from being taken over may be larger than the memory. */
const FRAMES_AT_ONCE = 256;

export interface WalFile {
  readonly pageSize: number;
  /** Page number -> where its newest content lies in the log, of all commits that can be made out, damaged ones left out. */
  readonly pages: ReadonlyMap<number, number>;
  /** What is wrong: commits that were synced cannot be read any more. Undefined: nothing, or a torn end. */
  readonly damage: string | undefined;
}

/** Undefined when there is no log or nothing in it. Throws the system's errors, but for parts that cannot be read. */
export function readWal(path: string): WalFile | undefined {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size <= HEADER) return undefined;
  const descriptor = openSync(path, 'r');
  try {
    return new Log(descriptor, size).read();
  } finally {
    closeSync(descriptor);
  }
}

class Log {
  readonly #descriptor: number;
  readonly #size: number;
  readonly #pages = new Map<number, number>();
  #sum: [number, number] = [0, 0];
  #chained = false;
  #bigEndian = false;
  #salt = Buffer.alloc(8);
  /** Since the last commit. */
  #uncommitted = new Map<number, number>();
  /** Behind the first frame that is not sound there was a commit; and behind that, something of this log again. */
  #commitBehind = false;
  #wasSynced = false;
  #unreadable = false;

  constructor(descriptor: number, size: number) {
    this.#descriptor = descriptor;
    this.#size = size;
  }

  read(): WalFile {
    const head = this.#bytes(0, HEADER + FRAME_HEADER) ?? Buffer.alloc(HEADER + FRAME_HEADER);
    const hasHeader = soundHeader(head);
    const pageSize = hasHeader ? head.readUInt32BE(8) : PAGE_BYTES;
    if (hasHeader) {
      this.#sum = [head.readUInt32BE(24), head.readUInt32BE(28)];
      this.#bigEndian = (head.readUInt32BE(0) & 1) === 1;
    }
    this.#chained = hasHeader;
    // Without a header the first frame's salt is taken for the log's.
    this.#salt = Buffer.from(hasHeader ? head.subarray(16, 24) : head.subarray(HEADER + 8, HEADER + 16));
    this.#frames(FRAME_HEADER + pageSize);
    const rubbish = !hasHeader && head.subarray(0, HEADER).some((byte) => byte !== 0);
    return { pageSize, pages: this.#pages, damage: this.#damage(rubbish) };
  }

  #damage(rubbish: boolean): string | undefined {
    if (rubbish) return 'the header of the write-ahead log is not one';
    if (this.#unreadable) return 'the write-ahead log cannot be read in places';
    return this.#wasSynced ? 'the write-ahead log is damaged in its middle' : undefined;
  }

  #frames(size: number): void {
    const count = Math.floor((this.#size - HEADER) / size);
    const room = Buffer.allocUnsafe(Math.min(FRAMES_AT_ONCE, count) * size);
    for (let first = 0; first < count; first += FRAMES_AT_ONCE) {
      const frames = Math.min(FRAMES_AT_ONCE, count - first);
      const chunk = this.#bytes(HEADER + first * size, frames * size, room);
      for (let index = 0; index < frames; index += 1) {
        const at = HEADER + (first + index) * size;
        const frame = chunk?.subarray(index * size, (index + 1) * size) ?? this.#bytes(at, size);
        if (frame) this.#frame(frame, at);
        else {
          this.#unreadable = true;
          this.#chained = false;
        }
      }
    }
  }

  #frame(frame: Buffer, at: number): void {
    const ours = frame.compare(this.#salt, 0, 8, 8, 16) === 0;
    if (!ours && !this.#chained) return;
    if (this.#chained) {
      const content = frame.subarray(FRAME_HEADER);
      const sum = checksum(this.#sum, frame.subarray(0, 8), this.#bigEndian);
      this.#sum = checksum(sum, content, this.#bigEndian);
      this.#chained = ours && this.#sum[0] === frame.readUInt32BE(16) && this.#sum[1] === frame.readUInt32BE(20);
    }
    if (!ours) return;
    // A commit is synced before the next one is written: with something of this log behind it, it was on the disk.
    this.#wasSynced ||= this.#commitBehind;
    const isCommit = frame.readUInt32BE(4) > 0;
    this.#commitBehind ||= isCommit && !this.#chained;
    this.#uncommitted.set(frame.readUInt32BE(0), at + FRAME_HEADER);
    if (!isCommit) return;
    for (const [page, place] of this.#uncommitted) this.#pages.set(page, place);
    this.#uncommitted.clear();
  }

  /** Undefined when the system cannot read it. */
  #bytes(at: number, length: number, room = Buffer.alloc(length)): Buffer | undefined {
    try {
      const read = readSync(this.#descriptor, room, 0, length, at);
      return room.fill(0, read, length);
    } catch {
      return undefined;
    }
  }
}

function soundHeader(bytes: Buffer): boolean {
  const magic = bytes.readUInt32BE(0);
  if ((magic & ~1) >>> 0 !== MAGIC) return false;
  const sum = checksum([0, 0], bytes.subarray(0, 24), (magic & 1) === 1);
  return sum[0] === bytes.readUInt32BE(24) && sum[1] === bytes.readUInt32BE(28);
}

/** https://www.sqlite.org/walformat.html#checksum_algorithm */
function checksum(from: readonly [number, number], bytes: Buffer, bigEndian: boolean): [number, number] {
  let [s0, s1] = from;
  for (let at = 0; at + 8 <= bytes.length; at += 8) {
    s0 = (s0 + (bigEndian ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at)) + s1) >>> 0;
    s1 = (s1 + (bigEndian ? bytes.readUInt32BE(at + 4) : bytes.readUInt32LE(at + 4)) + s0) >>> 0;
  }
  return [s0, s1];
}
