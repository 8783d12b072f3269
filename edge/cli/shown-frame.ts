/** One frame of a device as `devices watch` shows it: raw as text or as hex, then what was decoded from it. */
import type { FramesReport } from '../contracts/device-reports.ts';
import { plain } from './terminal.ts';

const MOST_TEXT = 1000;
const MOST_HEX = 256;

export function frameText({
  received,
  topic,
  size,
  raw,
  decoded,
  reason,
  note,
}: FramesReport['frames'][number]): string {
  const block = (label: string, text: string): string =>
    text
      .split('\n')
      .map((part, index) => `  ${(index === 0 ? label : '').padEnd(8)} ${part}`)
      .join('\n');
  return [
    [received, ...(topic === null ? [] : [plain(topic)]), `${size} bytes`].join('  '),
    block('raw', raw === null ? '(not shown: it may name a person)' : rawText(Buffer.from(raw, 'base64'), size)),
    ...decoded.map((reading) => block('decoded', plain(reading))),
    ...(reason === null ? [] : [block('REFUSED', plain(reason))]),
    ...(note === null ? [] : [block('note', plain(note))]),
    ...(decoded.length === 0 && reason === null ? [block('decoded', '(no readings)')] : []),
    '',
  ].join('\n');
}

/** Text where it is some, else hex beside ASCII. */
function rawText(bytes: Buffer, size: number): string {
  const text = bytes.toString('utf8');
  // The last character may be cut.
  const isText = !text.slice(0, -1).includes('\ufffd') && !/[^\P{Cc}\t\r\n]/u.test(text);
  const rest = (shown: number): string => (size > shown ? `\n... (${size} bytes in all)` : '');
  if (isText) return plain(text.slice(0, MOST_TEXT), true) + rest(Math.min(MOST_TEXT, bytes.length));
  const lines: string[] = [];
  for (let at = 0; at < Math.min(bytes.length, MOST_HEX); at += 16) {
    const part = bytes.subarray(at, at + 16);
    const hex = (part.toString('hex').match(/../g) ?? []).join(' ');
    const ascii = part.toString('latin1').replace(/[^\x20-\x7e]/g, '.');
    lines.push(`${at.toString(16).padStart(4, '0')}  ${hex.padEnd(47)}  ${ascii}`);
  }
  return lines.join('\n') + rest(Math.min(MOST_HEX, bytes.length));
}
