/** What a ThingMagic reader puts on its line. */
import { gen2Record } from './gen2-tag.ts';

export interface ThingmagicSighting {
  readonly epc: string;
  /** dBm. */
  readonly rssi: number;
  /** 1 to 16. */
  readonly antenna: number;
  readonly reads: number;
  /** Which metadata goes along. */
  readonly flags: number;
}

/** Long division by the polynomial, nibble after nibble, the message not extended by zeros. */
function checksum(message: Buffer): number {
  let register = 0xffff;
  for (const nibble of [...message].flatMap((byte) => [byte >> 4, byte & 0xf])) {
    for (let step = 0; step < 4; step += 1) {
      const out = register & 0x8000;
      register = ((register << 1) & 0xffff) | ((nibble >> (3 - step)) & 1);
      if (out) register ^= 0x1021;
    }
  }
  return register;
}

export function thingmagicResponse(opcode: number, status: number, data: Buffer): Buffer {
  const frame = Buffer.alloc(data.length + 7);
  frame[0] = 0xff;
  frame[1] = data.length;
  frame[2] = opcode;
  frame.writeUInt16BE(status, 3);
  data.copy(frame, 5);
  frame.writeUInt16BE(checksum(frame.subarray(1, -2)), frame.length - 2);
  return frame;
}

/** One tag, told while reading goes on. */
export function thingmagicTag({ epc, rssi, antenna, reads, flags }: ThingmagicSighting): Buffer {
  const port = antenna % 16;
  const metadata: readonly (readonly [number, readonly number[]])[] = [
    [0x0001, [reads]],
    [0x0002, [rssi & 0xff]],
    [0x0004, [port * 16 + port]],
    [0x0008, [0x0d, 0x3b, 0x3c]],
    [0x0010, [0, 0, 1, 0x27]],
    [0x0020, [0, 0x5a]],
    [0x0040, [5]],
    [0x0080, [0, 12, 0xab, 0xc0]],
    [0x0100, [0x0f]],
    [0x0200, [0, 4]],
    [0x0400, [0]],
    [0x0800, [0, 1]],
    [0x1000, [0, 0]],
  ];
  const shown = metadata.flatMap(([flag, bytes]) => (flags & flag ? bytes : []));
  const record = gen2Record(epc);
  return thingmagicResponse(
    0x22,
    0,
    Buffer.concat([
      Buffer.from([0x10, 0x00, 0x1b, flags >> 8, flags & 0xff, 1, ...shown]),
      Buffer.from([(record.length * 8) >> 8, (record.length * 8) & 0xff]),
      record,
    ]),
  );
}

export interface ThingmagicCommand {
  readonly opcode: number;
  readonly data: Buffer;
}

/** The commands that have come whole, and what has not. */
export function thingmagicCommands(bytes: Buffer): {
  readonly commands: readonly ThingmagicCommand[];
  readonly rest: Buffer;
} {
  const commands: ThingmagicCommand[] = [];
  let rest = bytes;
  while (rest.length >= 5) {
    const length = (rest[1] ?? 0) + 5;
    if (rest.length < length) break;
    const command = rest.subarray(0, length);
    if (command[0] !== 0xff || command.readUInt16BE(length - 2) !== checksum(command.subarray(1, -2)))
      throw new Error(`no command of a ThingMagic reader: ${command.toString('hex')}`);
    commands.push({ opcode: command[2] ?? 0, data: command.subarray(3, -2) });
    rest = rest.subarray(length);
  }
  return { commands, rest };
}
