/** A disk of its own for the journal, which can be filled up: a file system in a file, on a loop mount. Root only. */
import { execFile, execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmdirSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface SmallDisk {
  /** Takes what is left, to the last block. */
  fill(): void;
  free(): void;
  /** For the end of the program too, so it does not wait. */
  unmount(): void;
}

/** Mounts `sizeMb` at `folder`, which must be empty. Throws with the tool's words when this machine does not let us. */
export async function smallDisk(image: string, folder: string, sizeMb: number): Promise<SmallDisk> {
  await run('truncate', ['-s', `${sizeMb}M`, image]);
  await run('mkfs.ext4', ['-q', '-F', '-m', '0', image]);
  mkdirSync(folder, { recursive: true });
  await run('mount', ['-o', 'loop', image, folder]);
  rmdirSync(join(folder, 'lost+found'));
  const filler = join(folder, 'filler');
  return {
    fill() {
      const { bavail, bsize } = statfsSync(folder);
      try {
        execFileSync('fallocate', ['-l', String(bavail * bsize), filler], { stdio: 'ignore' });
      } catch {
        // Not all of it could be had in one piece, or at all: the rest is written.
      }
      const file = openSync(filler, 'a');
      try {
        for (const block of [Buffer.alloc(1_048_576), Buffer.alloc(4_096)]) writeUntilFull(file, block);
      } finally {
        closeSync(file);
      }
    },
    free: () => rmSync(filler, { force: true }),
    unmount() {
      // Lazy: whoever still has a file open there must not keep the mount.
      execFileSync('umount', ['-l', folder], { stdio: 'ignore' });
      rmSync(image, { force: true });
    },
  };
}

function writeUntilFull(file: number, block: Buffer): void {
  try {
    for (;;) writeSync(file, block);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}
