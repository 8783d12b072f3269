/**
 * A few shelf scales on serial lines of their own, each a pair of pseudo-terminals (socat), each of another protocol: some
 * are asked, some send all the time. They weigh in real time whatever the speed of the shop, since the hub asks them by its own clock.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { COUNTER_SCALE, type ScaleModel, type ScaleProtocol, SimulatedScale } from '../devices/serial/scales.ts';
import type { Shelf } from '../sim/floor.ts';
import { DeviceLine } from './device-line.ts';
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

export function openSerialScale(plan: SerialScalePlan, { world, random, tally }: DeviceParts): SimDevice {
  const { name, shelf, protocol, dir } = plan;
  const step = protocol === 'toledo-8217' ? 0.002 : 0.001;
  const model: ScaleModel = { ...COUNTER_SCALE, protocol, step, noiseG: 0.3, driftG: 0.1, capacityG: CAPACITY_G };
  const isAsked = protocol === 'mt-sics' || protocol === 'toledo-8217';
  const line = new DeviceLine(dir, name, tally);
  let timer: NodeJS.Timeout | undefined;
  return {
    name,
    entry: {
      ...{ name, codec: isAsked ? protocol : 'scale-stream', shelf: shelf.shelf },
      serial: { port: line.port, baud: 9600, frame: protocol === 'toledo-8217' ? '7E1' : '8N1' },
    },
    async start() {
      await line.start();
      const load = (): number => world.weightOn(shelf.shelf);
      const say = (bytes: Buffer): void => void line.say(bytes);
      const scale = new SimulatedScale({ model, random, load, say }, Date.now());
      line.hear((bytes) => scale.hear(bytes));
      timer = setInterval(() => scale.advance(Date.now()), TICK_MS);
    },
    look: () => undefined,
    unplug: (isOut) => line.unplug(isOut),
    async settled() {
      line.check();
    },
    async stop() {
      await sleep(LAST_WORDS_MS);
      clearInterval(timer);
      await line.stop();
    },
    drop() {
      clearInterval(timer);
      return line.drop();
    },
  };
}
