/**
 * A few shelf scales on serial lines of their own, each a pair of pseudo-terminals (socat), each of another protocol: some
 * are asked, some send all the time. They weigh in real time whatever the speed of the shop, since the hub asks them by its own clock.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { COUNTER_SCALE, type ScaleModel, type ScaleProtocol, SimulatedScale } from '../devices/serial/scales.ts';
import { SerialCable } from '../harness/serial-cable.ts';
import type { Shelf } from '../sim/floor.ts';
import type { DeviceParts, SimDevice } from './sim-device.ts';

export interface SerialScalePlan {
  readonly name: string;
  readonly shelf: Shelf;
  readonly protocol: ScaleProtocol;
  /** Its own folder is made in it. */
  readonly dir: string;
}

const TICK_MS = 50;
/** For a platform to come to rest, and for the hub to hear of it. */
const LAST_WORDS_MS = 2_000;
const CAPACITY_G = 60_000;
const PORT = 'port';

export function openSerialScale(plan: SerialScalePlan, { world, random, tally }: DeviceParts): SimDevice {
  const { name, shelf, protocol, dir } = plan;
  const folder = join(dir, name);
  const step = protocol === 'toledo-8217' ? 0.002 : 0.001;
  const model: ScaleModel = { ...COUNTER_SCALE, protocol, step, noiseG: 0.3, driftG: 0.1, capacityG: CAPACITY_G };
  const isAsked = protocol === 'mt-sics' || protocol === 'toledo-8217';
  let cable: SerialCable | undefined;
  let timer: NodeJS.Timeout | undefined;
  let fault: unknown;
  return {
    name,
    entry: {
      ...{ name, codec: isAsked ? protocol : 'scale-stream', shelf: shelf.shelf },
      serial: { port: join(folder, PORT), baud: 9600, frame: protocol === 'toledo-8217' ? '7E1' : '8N1' },
    },
    async start() {
      await mkdir(folder, { recursive: true });
      const line = await SerialCable.make(PORT, folder);
      cable = line;
      await line.plug();
      const say = (bytes: Buffer): void => {
        tally.sent += 1;
        tally.acknowledged += 1;
        line.say(bytes).catch((error: unknown) => {
          fault ??= error;
        });
      };
      const load = (): number => world.weightOn(shelf.shelf);
      const scale = new SimulatedScale({ model, random, load, say }, Date.now());
      line.hear((bytes) => scale.hear(bytes));
      timer = setInterval(() => scale.advance(Date.now()), TICK_MS);
    },
    look: () => undefined,
    async settled() {
      if (fault !== undefined) throw fault;
    },
    async stop() {
      await sleep(LAST_WORDS_MS);
      clearInterval(timer);
      await cable?.remove();
      if (fault !== undefined) throw fault;
    },
  };
}
