/**
 * The files of a folder whose names match. Names are bytes: they travel as Latin-1, where each byte is a character, and
 * are shown as UTF-8. What is no ordinary file is left alone: folders, pipes, and links, which may lead anywhere.
 */
import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, lstat, open, readdir } from 'node:fs/promises';
import { maskCardData } from '../contracts/card-data.ts';
import type { FileLook } from './file-look.ts';

export interface Listed extends FileLook {
  /** Latin-1 of the bytes. */
  readonly name: string;
}

export interface Listing {
  readonly files: readonly Listed[];
  /** A link that matches, as it is shown. */
  readonly link: string | undefined;
}

/** `*` and `?`; what begins with a point is hidden unless the pattern begins so too. */
export function matcher(pattern: string): (name: string) => boolean {
  const source = pattern
    .replace(/[\\^$.|+()[\]{}]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  const expression = new RegExp(`^${source}$`, 'su');
  return (name) => (!name.startsWith('.') || pattern.startsWith('.')) && expression.test(shown(name));
}

/** As people read it; bytes that are no UTF-8 stay visible. */
export function shown(name: string): string {
  return Buffer.from(name, 'latin1').toString('utf8');
}

/** For what is kept and told. */
export function told(name: string): string {
  return maskCardData(shown(name));
}

export function pathOf(folder: string, name: string): Buffer {
  return Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(name, 'latin1')]);
}

/** Oldest first. Throws what the file system says of the folder. */
export async function list(folder: string, matches: (name: string) => boolean): Promise<Listing> {
  const files: Listed[] = [];
  let link: string | undefined;
  for (const entry of await readdir(folder, { encoding: 'buffer', withFileTypes: true })) {
    const bytes: unknown = entry.name;
    const name = Buffer.isBuffer(bytes) ? bytes.toString('latin1') : Buffer.from(String(bytes)).toString('latin1');
    if (!matches(name)) continue;
    const look = await lookOf(folder, name);
    if (look === 'link') link ??= told(name);
    else if (look !== undefined) files.push({ name, ...look });
  }
  files.sort((a, b) => compare(BigInt(a.changed), BigInt(b.changed)) || compare(a.name, b.name));
  return { files, link };
}

/** Nothing: it is gone, or no ordinary file. */
export async function lookOf(folder: string, name: string): Promise<FileLook | 'link' | undefined> {
  try {
    const stats = await lstat(pathOf(folder, name), { bigint: true });
    if (stats.isSymbolicLink()) return 'link';
    return stats.isFile() ? lookFrom(stats) : undefined;
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** Neither a link nor a pipe is opened, also where one took the file's place meanwhile. Nothing: it is gone. */
export async function openFile(folder: string, name: string): Promise<FileHandle | undefined> {
  try {
    return await open(pathOf(folder, name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

export async function lookAt(file: FileHandle): Promise<FileLook | undefined> {
  const stats = await file.stat({ bigint: true });
  return stats.isFile() ? lookFrom(stats) : undefined;
}

function lookFrom({ size, mtimeNs }: BigIntStats): FileLook {
  return { size: Number(size), changed: `${mtimeNs}` };
}

function compare<T extends bigint | string>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** It is gone, or a link by now. */
export function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ELOOP');
}
