/** What an M100 reader puts on its line. */
import { gen2Record } from './gen2-tag.ts';

export interface M100Sighting {
  readonly epc: string;
  /** dBm, -128 to 127. */
  readonly rssi: number;
  readonly wrongCrc?: boolean;
}

function telegram(type: number, command: number, parameters: Buffer): Buffer {
  const inner = Buffer.concat([
    Buffer.from([type, command, parameters.length >> 8, parameters.length & 0xff]),
    parameters,
  ]);
  const checksum = inner.reduce((sum, byte) => sum + byte, 0) % 256;
  return Buffer.concat([Buffer.from('bb', 'hex'), inner, Buffer.from([checksum, 0x7e])]);
}

/** The notice of one tag. */
export function m100Tag({ epc, rssi, wrongCrc = false }: M100Sighting): Buffer {
  const level = Buffer.alloc(1);
  level.writeInt8(rssi);
  return telegram(2, 0x22, Buffer.concat([level, gen2Record(epc, wrongCrc)]));
}

export function m100Error(code: number): Buffer {
  return telegram(1, 0xff, Buffer.from([code]));
}

/** Sightings with a round without a tag here and there. */
export function m100Telegrams(sightings: readonly M100Sighting[]): Buffer[] {
  return sightings.map((sighting, index) => (index % 20 === 19 ? m100Error(0x15) : m100Tag(sighting)));
}

/** It did what it was told. */
export function m100Answer(command: number): Buffer {
  return telegram(1, command, Buffer.from([0]));
}

/** The commands that have come whole, and what has not. */
export function m100Commands(bytes: Buffer): { readonly commands: readonly number[]; readonly rest: Buffer } {
  const commands: number[] = [];
  let rest = bytes;
  while (rest.length >= 7) {
    const length = rest.readUInt16BE(3) + 7;
    if (rest.length < length) break;
    const command = rest.subarray(0, length);
    const sum = command.subarray(1, -2).reduce((total, byte) => total + byte, 0) % 256;
    if (command[0] !== 0xbb || command[1] !== 0 || command.at(-1) !== 0x7e || command.at(-2) !== sum)
      throw new Error(`no command of an M100: ${command.toString('hex')}`);
    commands.push(command[2] ?? 0);
    rest = rest.subarray(length);
  }
  return { commands, rest };
}
