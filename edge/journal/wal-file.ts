/**
 * The write-ahead log as a file, read without SQLite. SQLite takes a log up to the first frame whose checksum does not
 * fit and forgets the rest without a word: right for a power cut, which can only spoil what was never acknowledged,
 * and wrong for a damaged disk, which takes acknowledged facts with it. Here the two are told apart.
 *
 *   header, 32 bytes: magic, format, page size, checkpoint number, salt (8), checksum of the first 24 (8)
 *   frame: page number, size of the database after a commit or 0, salt (8), running checksum (8), the page
 */

import { readFileSync } from 'node:fs';
import { PAGE_BYTES } from './database.ts';

const HEADER = 32;
const FRAME_HEADER = 24;
const MAGIC = 0x377f0682;

export interface WalFile {
  readonly pageSize: number;
  /** Page number -> its newest content, of all commits that can be made out, damaged frames left out. */
  readonly pages: ReadonlyMap<number, Buffer>;
  /** What is wrong: commits that were synced cannot be read any more. Undefined: nothing, or a torn end. */
  readonly damage: string | undefined;
}

interface Frame {
  readonly page: number;
  readonly isCommit: boolean;
  readonly isSound: boolean;
  readonly content: Buffer;
}

/** Undefined when there is no log or nothing in it. Throws the system's errors. */
export function readWal(path: string): WalFile | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  if (bytes.length <= HEADER) return undefined;
  const hasHeader = soundHeader(bytes);
  const pageSize = hasHeader ? bytes.readUInt32BE(8) : PAGE_BYTES;
  const frames = framesOf(bytes, pageSize, hasHeader);
  const firstBad = frames.findIndex((frame) => !frame.isSound);
  const rest = firstBad === -1 ? [] : frames.slice(firstBad);
  const lastCommit = frames.findLastIndex((frame) => frame.isCommit);
  // A commit is synced before the next one is written: with something of this log behind it, it was on the disk.
  const wasSynced = rest.some((frame, index) => frame.isCommit && index < rest.length - 1);
  const rubbish = !hasHeader && bytes.subarray(0, HEADER).some((byte) => byte !== 0);
  const pages = new Map<number, Buffer>();
  for (const { page, content } of frames.slice(0, lastCommit + 1)) pages.set(page, content);
  const damage = rubbish
    ? 'the header of the write-ahead log is not one'
    : wasSynced
      ? 'the write-ahead log is damaged in its middle'
      : undefined;
  return { pageSize, pages, damage };
}

function soundHeader(bytes: Buffer): boolean {
  const magic = bytes.readUInt32BE(0);
  if ((magic & ~1) >>> 0 !== MAGIC) return false;
  const sum = checksum([0, 0], bytes.subarray(0, 24), (magic & 1) === 1);
  return sum[0] === bytes.readUInt32BE(24) && sum[1] === bytes.readUInt32BE(28);
}

/** All frames with this log's salt, in their order; without a header the first frame's salt is taken for it. */
function framesOf(bytes: Buffer, pageSize: number, hasHeader: boolean): Frame[] {
  const frames: Frame[] = [];
  const bigEndian = hasHeader && (bytes.readUInt32BE(0) & 1) === 1;
  const size = FRAME_HEADER + pageSize;
  const salt = hasHeader ? bytes.subarray(16, 24) : bytes.subarray(HEADER + 8, HEADER + 16);
  let sum: [number, number] = hasHeader ? [bytes.readUInt32BE(24), bytes.readUInt32BE(28)] : [0, 0];
  let chained = hasHeader;
  for (let at = HEADER; at + size <= bytes.length; at += size) {
    const head = bytes.subarray(at, at + FRAME_HEADER);
    const ours = head.subarray(8, 16).equals(salt);
    const content = bytes.subarray(at + FRAME_HEADER, at + size);
    if (chained) {
      sum = checksum(checksum(sum, head.subarray(0, 8), bigEndian), content, bigEndian);
      chained = ours && sum[0] === head.readUInt32BE(16) && sum[1] === head.readUInt32BE(20);
    }
    if (!ours) continue;
    frames.push({ page: head.readUInt32BE(0), isCommit: head.readUInt32BE(4) > 0, isSound: chained, content });
  }
  return frames;
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
