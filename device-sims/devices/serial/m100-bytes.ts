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
