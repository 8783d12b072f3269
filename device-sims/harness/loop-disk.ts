/**
 * A small ext4 file system of a test's own, in a file that is mounted as a loop device: it can be filled, made
 * read-only, and lose its power. Needs root; tests are skipped loudly where that is missing, and fail there with CI set.
 */
import { execFile, execFileSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  statfsSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, test } from 'vitest';

const run = promisify(execFile);

export interface LoopDisk {
  /** Where it is mounted. */
  readonly dir: string;
  /** Bytes that are left for ordinary files. */
  free(): number;
  /** Somebody else's file takes everything but so many bytes. */
  fill(leaveBytes?: number): void;
  /** That file goes. */
  empty(): void;
  /** What happens after an error of the file system: it becomes read-only, also for files that are open. */
  makeReadOnly(): Promise<void>;
  /** The power goes: what was not synced is lost. Every file on it is dead afterwards. */
  cutPower(): Promise<void>;
  /** Unmounts and mounts again, as after a boot; nothing may have a file open. */
  remount(): Promise<void>;
  remove(): Promise<void>;
}

const OTHERS = 'somebody-elses-file';
/** FS_IOC_SHUTDOWN with NOLOGFLUSH: not even the file system's own log is written. */
const SHUTDOWN = `import fcntl, os, sys
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587D, b"\\x02\\0\\0\\0")`;

export async function makeLoopDisk(megabytes: number): Promise<LoopDisk> {
  const folder = mkdtempSync(join(tmpdir(), 'store-hub-disk-'));
  const image = join(folder, 'image');
  const dir = join(folder, 'mounted');
  writeFileSync(image, '');
  truncateSync(image, megabytes * 2 ** 20);
  mkdirSync(dir);
  // Without room reserved for root, which the tests are.
  await run('mkfs.ext4', ['-q', '-m', '0', image]);
  const mount = () => run('mount', ['-o', 'loop', image, dir]);
  await mount();
  const free = (): number => {
    const { bavail, bsize } = statfsSync(dir);
    return bavail * bsize;
  };
  return {
    dir,
    free,
    fill(leaveBytes = 0) {
      const descriptor = openSync(join(dir, OTHERS), 'a');
      try {
        for (let size = 2 ** 20; size >= 4096; size /= 2) {
          while (free() - leaveBytes >= size) writeSync(descriptor, Buffer.alloc(size, 1));
        }
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
      } finally {
        closeSync(descriptor);
      }
    },
    empty: () => rmSync(join(dir, OTHERS), { force: true }),
    async makeReadOnly() {
      await run('mount', ['-o', 'remount,abort', dir]);
    },
    async cutPower() {
      await run('python3', ['-c', SHUTDOWN, dir]);
    },
    async remount() {
      await run('umount', [dir]);
      await mount();
    },
    async remove() {
      await run('umount', [dir]).catch(() => run('umount', ['-l', dir]));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function whatIsMissing(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root can mount';
  for (const [program, ...args] of [
    ['mkfs.ext4', '-V'],
    ['python3', '-V'],
    ['losetup', '-f'],
  ] as const) {
    try {
      execFileSync(program, args, { stdio: 'ignore' });
    } catch {
      return `there is no working ${program}`;
    }
  }
  return undefined;
}

/** `describe` with loop-mounted disks; `programs` are what else it needs on the path. */
export function describeWithLoopDisk(name: string, programs: readonly string[], body: () => void): void {
  const missing = whatIsMissing() ?? programs.map(absent).find((one) => one !== undefined);
  if (missing === undefined) {
    describe(name, body);
  } else if (process.env.CI && process.getuid?.() === 0) {
    describe(name, () => {
      test('needs a loop-mounted disk', () => {
        throw new Error(missing);
      });
    });
  } else {
    console.warn(`\nSKIPPED, because ${missing}: ${name}\n`);
    describe.skip(name, body);
  }
}

function absent(program: string): string | undefined {
  try {
    execFileSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' });
    return undefined;
  } catch {
    return `there is no ${program}`;
  }
}
