/**
 * RFID reader modules on serial lines, ThingMagic's and M100: each tag is a telegram, and they read only when the hub has
 * ordered it. A line carries what it carries: what is seen while the last round is still on it is not told.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { m100Error } from '../devices/serial/m100-bytes.ts';
import { m100Reader, type SerialReader, thingmagicReader } from '../devices/serial/readers.ts';
import { thingmagicResponse } from '../devices/serial/thingmagic-bytes.ts';
import type { TagRead } from '../vendors/rfid-reports.ts';
import { DeviceLine } from './device-line.ts';
import { openReader, type ReaderPlan } from './rfid-readers.ts';
import type { DeviceParts, SimDevice } from './sim-device.ts';

export interface SerialReaderPlan extends ReaderPlan {
  readonly make: 'thingmagic' | 'm100';
  /** Its own folder is made in it. */
  readonly dir: string;
}

/** A round of an M100 that heard no tag. */
const NO_TAG = 0x15;
/** ThingMagic's word for "still reading, and no tag". */
const READ = 0x22;
const STILL_THERE = 0x0400;
/** For the hub to hear the last tags. */
const LAST_WORDS_MS = 500;

export function openSerialReader(plan: SerialReaderPlan, parts: DeviceParts): SimDevice {
  const { name, zone, make, dir } = plan;
  const line = new DeviceLine(dir, name, parts.tally);
  const reader: SerialReader = make === 'm100' ? m100Reader(line) : thingmagicReader(line);
  let isBusy = false;
  const round = async (tell: () => Promise<void>): Promise<void> => {
    if (isBusy || !reader.reading) return;
    isBusy = true;
    try {
      await tell();
    } finally {
      isBusy = false;
    }
  };
  const nothing = make === 'm100' ? m100Error(NO_TAG) : thingmagicResponse(READ, STILL_THERE, Buffer.alloc(0));
  const device = openReader({ ...plan, antennas: [1] }, parts, {
    entry: {
      ...{ name, codec: make, serial: { port: line.port, baud: 115_200, frame: '8N1' } },
      // An M100 has one antenna, and never names it.
      ...(make === 'm100' ? { zone: zone.zone } : { antennas: { '1': zone.zone } }),
    },
    say: (reads: readonly TagRead[]) =>
      round(async () => {
        await Promise.all(reads.map((read) => reader.see(read)));
      }),
    alive: () => round(() => line.say(nothing)),
  });
  return {
    ...device,
    async start() {
      await line.start();
      reader.attach();
      await device.start();
    },
    reboot() {
      device.reboot?.();
      reader.losePower();
    },
    unplug(isOut) {
      // Its power comes by the same cable.
      if (isOut) reader.losePower();
      line.unplug(isOut);
    },
    async settled() {
      await device.settled();
      line.check();
    },
    async stop() {
      await device.stop();
      await sleep(LAST_WORDS_MS);
      await line.stop();
    },
    drop: () => line.drop(),
  };
}
