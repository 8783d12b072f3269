/**
 * `identity.key`: 32 random bytes of this hub, for digests that nobody else can try. A plain hash of something of which
 * most is known, such as a masked payment card, is found by trying what the mask hides. `backup` has no copy of it: what
 * was remembered with a key that is lost is new again, and nothing else depends on it.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeDurably } from './durable-file.ts';

const KEY_FILE = 'identity.key';
const KEY_BYTES = 32;

/** 64 hexadecimal digits. Makes the key where there is none that can be read. */
export function identityKey(dataDir: string): string {
  return (readKey(dataDir) ?? newKey(dataDir)).toString('hex');
}

/** Text to its keyed digest, 64 hexadecimal digits. */
export function concealer(identityKey: string): (text: string) => string {
  const key = Buffer.from(identityKey, 'hex');
  return (text) => createHmac('sha256', key).update(text).digest('hex');
}

function readKey(dataDir: string): Buffer | undefined {
  try {
    const key = Buffer.from(readFileSync(join(dataDir, KEY_FILE), 'latin1').trim(), 'hex');
    return key.length === KEY_BYTES ? key : undefined;
  } catch {
    return undefined;
  }
}

function newKey(dataDir: string): Buffer {
  const key = randomBytes(KEY_BYTES);
  try {
    writeDurably(join(dataDir, KEY_FILE), `${key.toString('hex')}\n`, 0o600);
  } catch {
    // A full disk does not keep the hub from starting: then it is the key of this run.
  }
  return key;
}
