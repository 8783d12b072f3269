/** Files that the configuration names for secrets: read in full, with a fault in words where that is not possible. */
import { readFileSync } from 'node:fs';
import { fileWords, isForbidden } from '../contracts/file-words.ts';

export interface FileFault {
  readonly fault: string;
  /** This process lacks the right; another one may have it. */
  readonly forbidden: boolean;
}

/** A path, or `credential:NAME` where systemd gave this process no credentials. */
export function readSecretFile(path: string): string | FileFault {
  if (path.startsWith('credential:')) {
    return { fault: `${path}: systemd gave no credentials to this process`, forbidden: true };
  }
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    return { fault: `${path}: ${fileWords(error)}`, forbidden: isForbidden(error) };
  }
}

/** The PIN in `http.pin_file`; what the file holds is never part of a fault. */
export function readPin(path: string): { readonly pin: string } | FileFault {
  const text = readSecretFile(path);
  if (typeof text !== 'string') return text;
  const pin = /^(\d{4,12})\r?\n?$/.exec(text)?.[1];
  if (pin !== undefined) return { pin };
  return { fault: `${path}: must hold 4 to 12 digits on one line and nothing else`, forbidden: false };
}
