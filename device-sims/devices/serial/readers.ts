/**
 * Serial RFID readers as devices: they understand the orders that the hub sends, tell sightings only while they are
 * told to read, and forget their orders with their power.
 */
import { m100Answer, m100Commands, m100Tag } from './m100-bytes.ts';
import type { SerialEnd } from './serial-end.ts';
import { thingmagicCommands, thingmagicResponse, thingmagicTag } from './thingmagic-bytes.ts';

export interface SeenTag {
  /** Hex. */
  readonly epc: string;
  /** dBm. */
  readonly rssi: number;
  /** Of a reader with several. */
  readonly antenna?: number;
}

export interface SerialReader {
  /** Begins to listen; again after each plugging in. */
  attach(): void;
  readonly reading: boolean;
  /** A tag answers; false: it was not told to read. */
  see(tag: SeenTag): Promise<boolean>;
  losePower(): void;
}

/** One antenna. */
export function m100Reader(end: SerialEnd): SerialReader {
  let reading = false;
  let heard: Buffer = Buffer.alloc(0);
  const listen = (bytes: Buffer): void => {
    const { commands, rest } = m100Commands(Buffer.concat([heard, bytes]));
    heard = rest;
    for (const code of commands) {
      if (code === 0x27) reading = true;
      else {
        if (code === 0x28) reading = false;
        void end.say(m100Answer(code));
      }
    }
  };
  return {
    attach: () => end.hear(listen),
    get reading() {
      return reading;
    },
    async see({ epc, rssi }) {
      if (reading) await end.say(m100Tag({ epc, rssi }));
      return reading;
    },
    losePower() {
      reading = false;
      heard = Buffer.alloc(0);
    },
  };
}

const START = 1;

/** `antennas`: those that it has. */
export function thingmagicReader(end: SerialEnd, antennas: readonly number[] = [1]): SerialReader {
  let reading = false;
  let protocol = 0;
  let used: readonly number[] = [];
  let heard: Buffer = Buffer.alloc(0);
  const answer = (opcode: number, status = 0): void =>
    void end.say(thingmagicResponse(opcode, status, Buffer.alloc(0)));
  const obey = (opcode: number, data: Buffer): void => {
    if (opcode === 0x93) protocol = data.readUInt16BE(0);
    if (opcode === 0x91) used = [...data.subarray(1)].filter((_, index) => index % 2 === 0);
    if (opcode === 0x2f) reading = data[2] === START && protocol === 5 && used.length > 0;
    const absent = opcode === 0x91 && !used.every((antenna) => antennas.includes(antenna));
    answer(opcode, absent ? 0x0105 : 0);
  };
  const listen = (bytes: Buffer): void => {
    const { commands, rest } = thingmagicCommands(Buffer.concat([heard, bytes]));
    heard = rest;
    for (const { opcode, data } of commands) obey(opcode, data);
  };
  return {
    attach: () => end.hear(listen),
    get reading() {
      return reading;
    },
    async see({ epc, rssi, antenna = 1 }) {
      if (!reading || !used.includes(antenna)) return false;
      await end.say(thingmagicTag({ epc, rssi, antenna, reads: 1, flags: 0x01ff }));
      return true;
    },
    losePower() {
      reading = false;
      protocol = 0;
      used = [];
      heard = Buffer.alloc(0);
    },
  };
}
