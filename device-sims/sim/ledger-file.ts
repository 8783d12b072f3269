/** The ledger as a file, one record a line, in whole lines: whatever cuts it short, every line in it can be read. */
import { closeSync, openSync, writeSync } from 'node:fs';
import type { Witness } from './world.ts';

export interface LedgerFile {
  readonly witness: Witness;
  close(): void;
}

const CHUNK = 1 << 18;

/** @param path is written anew; throws when it cannot be */
export function openLedgerFile(path: string): LedgerFile {
  const file = attempt(path, () => openSync(path, 'w'));
  let lines: string[] = [];
  let length = 0;
  const flush = (): void => {
    let rest = Buffer.from(lines.join(''));
    attempt(path, () => {
      while (rest.length > 0) rest = rest.subarray(writeSync(file, rest));
    });
    lines = [];
    length = 0;
  };
  return {
    witness(record) {
      const line = `${JSON.stringify(record)}\n`;
      lines.push(line);
      length += line.length;
      if (length >= CHUNK) flush();
    },
    close() {
      flush();
      closeSync(file);
    },
  };
}

function attempt<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw new Error(`${path}: the ledger cannot be written: ${error instanceof Error ? error.message : String(error)}`);
  }
}
