/**
 * How a packed part goes through kafkajs, which takes one object per message and compresses inside `send`.
 *
 * kafkajs is given an array of the right length of which only the first message exists; it carries the packed records
 * as its value. Array methods skip what does not exist, so kafkajs counts all messages (for sequences and offsets)
 * and encodes one. The two methods that would not skip (`find`) or would lose the length (`reduce`, the grouping by
 * partition) are the array's own. The 'compression' then takes the packed records out again: codec 9 is gzip (the
 * batch header keeps three bits, 9 & 7 = 1) that has happened already. A broker unpacks and counts every batch before it
 * accepts it, so a mistake here is a refused batch, never a wrong record.
 */
import kafkajs, { type CompressionTypes, type Message } from 'kafkajs';
import type { PackedPart } from './packed-records.ts';

/** What to pass as `compression` together with `standInMessages`. */
export const ALREADY_GZIPPED = 9 as CompressionTypes;

/** Bytes after the value in the one record that kafkajs encodes: an empty list of headers. */
const AFTER_VALUE = 1;
const LENGTH_BYTES = 4;

const codec = {
  async compress(encoder: { readonly buffer: Buffer }): Promise<Buffer> {
    const { buffer } = encoder;
    const end = buffer.length - AFTER_VALUE - LENGTH_BYTES;
    return buffer.subarray(end - buffer.readUInt32BE(end), end);
  },
};

Object.assign(kafkajs.CompressionCodecs, { [ALREADY_GZIPPED]: () => codec });

export function standInMessages(part: PackedPart, partition: number): Message[] {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(part.records.length);
  const first: Message = { key: null, value: Buffer.concat([part.records, length]), partition };
  const messages = new Array<Message>(part.count);
  messages[0] = first;
  return Object.assign(messages, {
    find: () => undefined,
    reduce: () => ({ [partition]: messages }),
  });
}
