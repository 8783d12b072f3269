/**
 * Folders as the hub sees them: what it asks is done in a process apart (folder-process.ts), started with the first
 * question, with one thread more than there are folders, because each folder asks one thing at a time. A folder that
 * does not answer is told of, and answers when its share is back. A process that ended, or that does not answer at all,
 * is started again with the next question.
 */
import { type ChildProcess, fork } from 'node:child_process';
import type { FileLook } from './file-look.ts';
import type { FolderAsk, FolderListing, FromFolders, Opened, ToFolders } from './folder-process.ts';

/** A folder that does not answer for so long is away; a process that does not, after that, hangs itself. */
const AWAY_MS = 10_000;
const DEAF_MS = 10_000;
const MEMORY_MB = 64;

export interface FolderHostOptions {
  /** How many folders there are. */
  readonly folders: number;
  /** Milliseconds; for tests. */
  readonly awayMs?: number;
  readonly program?: URL;
}

/** One folder. Calls reject with what the file system says, its code with it. */
export interface Folder {
  list(): Promise<FolderListing>;
  /** `length`: bytes of its beginning that are read at once. */
  open(name: string, length: number): Promise<OpenFile | undefined>;
  /** Moves a file that still looks so, or deletes it; whether it did. */
  put(name: string, look: FileLook, to: 'taken' | 'refused' | undefined): Promise<boolean>;
}

export interface OpenFile {
  /** As it was opened. */
  readonly opened: FileLook | undefined;
  readonly beginning: Buffer;
  look(): Promise<FileLook | undefined>;
  read(at: number, length: number): Promise<Buffer>;
  close(): Promise<void>;
}

export interface FolderWishes {
  readonly path: string;
  readonly files: string;
  /** Files are to be moved or deleted. */
  readonly writes: boolean;
  /** Something changed in it. */
  readonly changed: () => void;
  /** It does not answer. */
  readonly away: () => void;
}

interface Call {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

export class FolderHost {
  readonly #options: Required<FolderHostOptions>;
  readonly #wishes: FolderWishes[] = [];
  readonly #calls = new Map<number, Call>();
  #child: ChildProcess | undefined;
  #last = 0;
  /** Processes that ended. */
  #life = 0;
  #deaf: NodeJS.Timeout | undefined;
  /** A process hung as a whole: to watch is the one thing that could have done it. */
  #watches = true;
  #stopped = false;

  constructor(options: FolderHostOptions) {
    this.#options = { awayMs: AWAY_MS, program: new URL('./folder-process.js', import.meta.url), ...options };
  }

  folder(wishes: FolderWishes): Folder {
    this.#wishes.push(wishes);
    const { path, files, writes, away } = wishes;
    const ask = (what: FolderAsk): Promise<unknown> => this.#ask(what, away);
    return {
      list: async () => (await ask({ is: 'list', path, files, writes, hints: this.#watches })) as FolderListing,
      put: async (name, look, to) => (await ask({ is: 'put', path, name, look, to })) as boolean,
      open: async (name, length) => {
        const life = this.#life;
        const opened = (await ask({ is: 'open', path, name, length })) as Opened | undefined;
        if (opened === undefined) return undefined;
        const { file, look, beginning } = opened;
        // A later process gives the same numbers to other files.
        const askOf = async (what: FolderAsk): Promise<unknown> => {
          if (life === this.#life) return ask(what);
          throw new Error('the process that looks at folders was started again, and this file is not open any more');
        };
        return {
          opened: look,
          beginning: Buffer.from(beginning),
          look: async () => (await askOf({ is: 'look', file })) as FileLook | undefined,
          read: async (at, length) => Buffer.from((await askOf({ is: 'read', file, at, length })) as Uint8Array),
          close: async () => void (await askOf({ is: 'close', file })),
        };
      },
    };
  }

  /** Nothing that hangs is waited for. */
  stop(): void {
    this.#stopped = true;
    this.#end('the hub stops');
  }

  #ask(ask: FolderAsk, away: () => void): Promise<unknown> {
    if (this.#stopped) return Promise.reject(new Error('the hub stops'));
    this.#last += 1;
    const call = this.#last;
    return new Promise((resolve, reject) => {
      const late = (): void => {
        away();
        this.#listen();
      };
      // Where no process can be started this throws, and the next question tries again.
      this.#child ??= this.#start();
      this.#calls.set(call, { resolve, reject, timer: setTimeout(late, this.#options.awayMs) });
      this.#tell({ is: 'ask', call, ask });
    });
  }

  #tell(message: ToFolders): void {
    // What fails to be sent is told by the end of the process.
    this.#child?.send(message, () => undefined);
  }

  #start(): ChildProcess {
    const child = fork(this.#options.program, {
      serialization: 'advanced',
      execArgv: [`--max-old-space-size=${MEMORY_MB}`, '--max-semi-space-size=2'],
      env: { UV_THREADPOOL_SIZE: String(Math.min(1024, this.#options.folders + 1)) },
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    child.on('message', (message: FromFolders) => {
      if (child === this.#child) this.#hear(message);
    });
    const ended = (why: string): void => {
      if (child === this.#child) this.#end(`the process that looks at folders ended (${why}), it is started again`);
    };
    child.on('error', (error) => ended(error.message));
    child.on('exit', (code, signal) => ended(signal ?? `exit code ${code}`));
    return child;
  }

  #hear(message: FromFolders): void {
    clearTimeout(this.#deaf);
    this.#deaf = undefined;
    if (message.is === 'pong') return;
    if (message.is === 'hint') {
      for (const { path, changed } of this.#wishes) if (path === message.path) changed();
      return;
    }
    const call = this.#calls.get(message.call);
    if (call === undefined) return;
    this.#calls.delete(message.call);
    clearTimeout(call.timer);
    if (message.is === 'answer') call.resolve(message.value);
    else call.reject(failed(message.failure));
  }

  /** Whether the process itself answers. */
  #listen(): void {
    if (this.#child === undefined || this.#deaf !== undefined) return;
    this.#deaf = setTimeout(() => {
      this.#watches = false;
      this.#end('the process that looks at folders does not answer, it is started again');
    }, DEAF_MS);
    this.#tell({ is: 'ping' });
  }

  #end(why: string): void {
    clearTimeout(this.#deaf);
    this.#deaf = undefined;
    this.#life += 1;
    const child = this.#child;
    this.#child = undefined;
    child?.kill('SIGKILL');
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const { timer, reject } of calls) {
      clearTimeout(timer);
      reject(new Error(why));
    }
  }
}

/** As `node:fs` throws it. */
export function failed({ code, message }: { readonly code: string | undefined; readonly message: string }): Error {
  const error: NodeJS.ErrnoException = new Error(message);
  if (code !== undefined) error.code = code;
  return error;
}
