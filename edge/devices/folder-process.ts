/**
 * The process in which folders are looked at and files of them read. A network share that hangs holds each call that
 * asks for it, and a thread of the process's pool with it: here it holds up neither the hub, which needs that pool for
 * names, passwords and zlib, nor another folder, because there is a thread for each (folder-host.ts starts it so). It
 * only does what it is asked: what is read means something in the hub alone.
 */
import { type FSWatcher, constants as modes, watch } from 'node:fs';
import { access, type FileHandle, lstat, mkdir, rename, statfs, unlink } from 'node:fs/promises';
import { messageOf } from '../contracts/errors.ts';
import type { FileLook } from './file-look.ts';
import { looksAlike } from './file-look.ts';
import { isGone, type Listing, list, lookAt, lookOf, matcher, openFile, pathOf } from './folder-list.ts';

export type FolderAsk =
  /** A `Listing`. `writes`: files are to be moved or deleted; `hints`: changes are told where the system tells them. */
  | {
      readonly is: 'list';
      readonly path: string;
      readonly files: string;
      readonly writes: boolean;
      readonly hints: boolean;
    }
  /** An `Opened`, or nothing: it is gone. `length`: bytes of its beginning that are wanted at once. */
  | { readonly is: 'open'; readonly path: string; readonly name: string; readonly length: number }
  | { readonly is: 'look'; readonly file: number }
  | { readonly is: 'read'; readonly file: number; readonly at: number; readonly length: number }
  | { readonly is: 'close'; readonly file: number }
  /** Moves a file that still looks so, or deletes it; whether it did. */
  | {
      readonly is: 'put';
      readonly path: string;
      readonly name: string;
      readonly look: FileLook;
      readonly to: 'taken' | 'refused' | undefined;
    };

export interface FolderListing extends Listing {
  /** Why no file of it can be moved or deleted. */
  readonly unwritable: Failure | undefined;
}

/** Small files are most: what is known of one comes at once. */
export interface Opened {
  readonly file: number;
  /** Nothing: it is no ordinary file any more. */
  readonly look: FileLook | undefined;
  readonly beginning: Uint8Array;
}

/** An error as it crosses; the words for its code are found by `fileWords`. */
export interface Failure {
  readonly code: string | undefined;
  readonly message: string;
}

export type ToFolders =
  | { readonly is: 'ask'; readonly call: number; readonly ask: FolderAsk }
  | { readonly is: 'ping' };

export type FromFolders =
  | { readonly is: 'answer'; readonly call: number; readonly value: unknown }
  | { readonly is: 'failure'; readonly call: number; readonly failure: Failure }
  | { readonly is: 'hint'; readonly path: string }
  | { readonly is: 'pong' };

/**
 * statfs(2): file systems of this machine, which tell of changes. To watch is a call that nothing can put into another
 * thread, so nothing that may hang is watched: ext, xfs, btrfs, tmpfs, overlay, zfs, f2fs, vfat, exfat.
 */
const LOCAL: ReadonlySet<number> = new Set([
  0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x794c7630, 0x2fc12fc1, 0xf2f52010, 0x4d44, 0x2011bab0,
]);

const open = new Map<number, FileHandle>();
const watchers = new Map<string, FSWatcher>();
let last = 0;

function send(message: FromFolders): void {
  // Where nobody listens any more it ends below.
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}

async function listed(path: string, files: string, writes: boolean, hints: boolean): Promise<FolderListing> {
  try {
    const listing = await list(path, matcher(files));
    if (hints && !watchers.has(path) && LOCAL.has((await statfs(path)).type)) watched(path);
    const unwritable = writes ? await access(path, modes.W_OK).then(() => undefined, failureOf) : undefined;
    return { ...listing, unwritable };
  } catch (error) {
    unwatched(path);
    throw error;
  }
}

function watched(path: string): void {
  try {
    const watcher = watch(path, () => send({ is: 'hint', path }));
    watcher.on('error', () => unwatched(path));
    watchers.set(path, watcher);
  } catch {
    // Then it is only looked at.
  }
}

function unwatched(path: string): void {
  watchers.get(path)?.close();
  watchers.delete(path);
}

async function opened(path: string, name: string, length: number): Promise<Opened | undefined> {
  const handle = await openFile(path, name);
  if (handle === undefined) return undefined;
  try {
    const look = await lookAt(handle);
    const beginning = await read(handle, 0, look === undefined ? 0 : Math.min(length, look.size));
    last += 1;
    open.set(last, handle);
    return { file: last, look, beginning };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function read(handle: FileHandle, at: number, length: number): Promise<Uint8Array> {
  const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafeSlow(length), 0, length, at);
  return buffer.subarray(0, bytesRead);
}

async function put({ path, name, look, to }: Extract<FolderAsk, { is: 'put' }>): Promise<boolean> {
  const now = await lookOf(path, name);
  // What came to it meanwhile was not read.
  if (now === undefined || now === 'link' || !looksAlike(now, look)) return false;
  const from = pathOf(path, name);
  if (to === undefined) await unlink(from);
  else await rename(from, await freePath(`${path}/${to}`, name));
  return true;
}

/** A name of its own in that folder, which is made; a link may lead anywhere: `sales.csv`, `sales.csv.1` ... */
async function freePath(folder: string, name: string): Promise<Buffer> {
  await mkdir(folder, { recursive: false }).catch((error: unknown) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  });
  if ((await lstat(folder)).isSymbolicLink()) throw new Error(`${folder} is a link, which is not followed`);
  for (let number = 0; ; number += 1) {
    const path = pathOf(folder, number === 0 ? name : `${name}.${number}`);
    try {
      await lstat(path);
    } catch (error) {
      if (isGone(error)) return path;
      throw error;
    }
  }
}

async function answer(ask: FolderAsk): Promise<unknown> {
  if (ask.is === 'list') return listed(ask.path, ask.files, ask.writes, ask.hints);
  if (ask.is === 'open') return opened(ask.path, ask.name, ask.length);
  if (ask.is === 'put') return put(ask);
  const handle = open.get(ask.file);
  if (handle === undefined) throw new Error('this file is not open');
  if (ask.is === 'look') return lookAt(handle);
  if (ask.is === 'read') return read(handle, ask.at, ask.length);
  open.delete(ask.file);
  return handle.close();
}

function failureOf(error: unknown): Failure {
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  return { code, message: messageOf(error) };
}

process.on('message', (message: ToFolders) => {
  if (message.is === 'ping') send({ is: 'pong' });
  else {
    const { call, ask } = message;
    answer(ask).then(
      (value) => send({ is: 'answer', call, value }),
      (error: unknown) => send({ is: 'failure', call, failure: failureOf(error) }),
    );
  }
});
// An ordinary exit would wait for the threads, and so for the shares that hang.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined);
