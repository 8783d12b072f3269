/** One more entry in `devices:` of a configuration file: everything else stays as it is written, comments too. */
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { isMap, isSeq, parseDocument, stringify } from 'yaml';

/** The file's text with the entry behind all others. The text must be YAML without faults. */
export function withDevice(text: string, entry: Readonly<Record<string, unknown>>): string {
  const wanted = parseDocument(text);
  if (isMap(wanted.contents) && isSeq(wanted.get('devices', true))) wanted.addIn(['devices'], wanted.createNode(entry));
  else wanted.set('devices', wanted.createNode([entry]));
  // In the file's own words where that is possible; else as the library writes it, which may move spaces.
  const inserted = insertion(text, entry);
  if (inserted !== undefined && isDeepStrictEqual(valueIn(inserted), wanted.toJS())) return inserted;
  return wanted.toString({ lineWidth: 0 });
}

function insertion(text: string, entry: Readonly<Record<string, unknown>>): string | undefined {
  const document = parseDocument(text);
  if (!isMap(document.contents)) return undefined;
  const devices = document.get('devices', true);
  const body = stringify([entry], { lineWidth: 0 }).trimEnd().split('\n');
  if (devices === undefined) {
    const end = text === '' || text.endsWith('\n') ? '' : '\n';
    return `${text}${end}\ndevices:\n${body.map((line) => `  ${line}\n`).join('')}`;
  }
  if (!isSeq(devices) || devices.flow === true) return undefined;
  const last = devices.items.at(-1) as { range?: [number, number, number] } | undefined;
  const start = devices.range?.[0];
  if (last?.range === undefined || start === undefined) return undefined;
  const indent = start - (text.lastIndexOf('\n', start - 1) + 1);
  // Behind the last line of the last entry, with the comment on it.
  const newline = text.indexOf('\n', Math.max(last.range[0], last.range[1] - 1));
  const at = newline < 0 ? text.length : newline + 1;
  const before = text.slice(0, at);
  const lines = body.map((line) => `${' '.repeat(indent)}${line}\n`).join('');
  return `${before}${before.endsWith('\n') ? '' : '\n'}${lines}${text.slice(at)}`;
}

function valueIn(text: string): unknown {
  const document = parseDocument(text);
  return document.errors.length > 0 ? undefined : document.toJS();
}

/** Lines that differ, with three of those around them: `+`, `-` or a space before each. */
export function difference(before: string, after: string): string {
  const [old, now] = [before.split('\n'), after.split('\n')];
  let head = 0;
  while (head < old.length && head < now.length && old[head] === now[head]) head += 1;
  let tail = 0;
  const most = Math.min(old.length, now.length) - head;
  while (tail < most && old[old.length - 1 - tail] === now[now.length - 1 - tail]) tail += 1;
  const around = 3;
  return [
    ...now.slice(Math.max(0, head - around), head).map((line) => `  ${line}`),
    ...old.slice(head, old.length - tail).map((line) => `- ${line}`),
    ...now.slice(head, now.length - tail).map((line) => `+ ${line}`),
    ...now.slice(now.length - tail, now.length - tail + around).map((line) => `  ${line}`),
  ]
    .join('\n')
    .trimEnd();
}

/** Whole or not at all, with the rights and the owner that the file has; a link stays one. */
export function writeWhole(file: string, text: string): void {
  const target = realpathSync(file);
  const { mode, uid, gid } = statSync(target);
  const temporary = `${target}.new-${process.pid}`;
  const handle = openSync(temporary, 'wx', mode);
  try {
    try {
      writeSync(handle, text);
      fchmodSync(handle, mode);
      if (process.getuid?.() === 0) fchownSync(handle, uid, gid);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    renameSync(temporary, target);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
