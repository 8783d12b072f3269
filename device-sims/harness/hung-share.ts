/**
 * A mounted file system that answers nothing, as a network share whose server is gone: whoever asks it for anything
 * waits. It is FUSE without anybody who serves it. Needs root and Linux; tests are skipped loudly where that is missing,
 * and fail there with CI set.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'vitest';

/** Says that it is mounted, and lets go of the mount when its input ends: every call that waits fails then. */
const MOUNT = `import ctypes, os, sys
fuse = os.open('/dev/fuse', os.O_RDWR)
options = 'fd=%d,rootmode=40000,user_id=0,group_id=0' % fuse
libc = ctypes.CDLL(None, use_errno=True)
if libc.mount(b'hung', os.fsencode(sys.argv[1]), b'fuse', 0, options.encode()) != 0: sys.exit(os.strerror(ctypes.get_errno()))
print('mounted', flush=True)
sys.stdin.read()`;

export interface HungShare {
  /** It is back, and is an empty folder. */
  release(): Promise<void>;
}

/** Makes the folder, and mounts over it. */
export async function hungShare(path: string): Promise<HungShare> {
  mkdirSync(path, { recursive: true });
  const child = spawn('python3', ['-c', MOUNT, path], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const mounted = await Promise.race([once(child.stdout, 'data'), ended.then(() => undefined)]);
  if (mounted === undefined) throw new Error(`no file system could be mounted at ${path}`);
  return {
    async release() {
      child.stdin.end();
      await ended;
      execFileSync('umount', ['-l', path]);
    },
  };
}

async function whatIsMissing(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'only root can mount';
  const path = join(tmpdir(), `hung-${process.pid}`);
  try {
    await (await hungShare(path)).release();
    return undefined;
  } catch {
    return 'there is no FUSE to mount';
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
}

/** `test` where shares can hang. */
export async function testWithHungShares(): Promise<typeof test | typeof test.skip> {
  const missing = await whatIsMissing();
  if (missing === undefined) return test;
  if (process.env.CI && process.getuid?.() === 0) throw new Error(missing);
  console.warn(`\nSKIPPED, because ${missing}: shares that hang\n`);
  return test.skip;
}
