/**
 * A controller of several fridges that speaks OPC UA, as a real server in a process of its own: temperatures of air and
 * goods as analog items with their units, doors, defrosts, and its own alarm. After its start it is not sure of what it
 * measures, and a probe whose wire is broken is a bad status instead of a value.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FridgeState, FridgeUnit } from '../devices/opcua-fridges.ts';
import { Fridges } from '../devices/opcua-process.ts';
import type { FridgePlan } from '../sim/world-file.ts';
import { Said } from './said.ts';
import type { DeviceParts, SimDevice } from './sim-device.ts';

export interface ControllerPlan {
  readonly name: string;
  readonly fridges: readonly FridgePlan[];
  /** On this machine. */
  readonly port: number;
  /** Its certificates are in a folder of it. */
  readonly dir: string;
  /** How fast the shop lives: the hub samples so much more often. */
  readonly speed: number;
}

const EVERY_MS = 10_000;
const SAMPLED_MS = 5_000;
/** A server samples no faster. */
const FASTEST_MS = 100;
/** Until its filters have settled. */
const UNSURE_MS = 120_000;
const DAY_MS = 86_400_000;
/** Mean time from one broken wire of a probe to the next, and how long until somebody mends it. */
const PROBE_FAILS_DAYS = 4;
const MENDED_MINUTES = [20, 90] as const;
const NOISE_C = 0.02;
/** For the hub to sample how things stood at the end. */
const LAST_WORDS_MS = 1_000;

interface Watched {
  readonly plan: FridgePlan;
  /** Simulated time, epoch ms. */
  failsAt: number;
  mendedAt: number;
}

/** As the display of a fridge was set: makers of different countries. */
function scaleOf(index: number): FridgeUnit['scale'] {
  return index % 2 === 0 ? 'celsius' : 'fahrenheit';
}

export function openColdController(plan: ControllerPlan, { world, random, clock, tally }: DeviceParts): SimDevice {
  const { name, fridges, port, dir, speed } = plan;
  const pki = join(dir, name);
  const server = new Fridges({
    ...{ port, pki },
    units: fridges.map(({ unit }, index) => ({
      unit,
      scale: scaleOf(index),
      type: index % 2 === 0 ? 'Float' : 'Double',
    })),
  });
  const said = new Said();
  const watched: Watched[] = fridges.map((fridge) => ({ plan: fridge, failsAt: 0, mendedAt: 0 }));
  let isUp = false;
  let isDropped = false;
  let startedAt = 0;
  let looked = Number.NEGATIVE_INFINITY;
  const stateOf = (one: Watched, now: number): FridgeState => {
    const { unit, limit, doors } = one.plan;
    const { cold } = world.unit(unit);
    if (one.failsAt === 0 || now >= one.mendedAt + DAY_MS) {
      one.failsAt = now + random.wait(PROBE_FAILS_DAYS * DAY_MS);
      one.mendedAt = one.failsAt + random.between(...MENDED_MINUTES) * 60_000;
    }
    const isBroken = now >= one.failsAt && now < one.mendedAt;
    const status = isBroken ? 'BadSensorFailure' : now - startedAt < UNSURE_MS ? 'UncertainInitialValue' : 'Good';
    return {
      ...{ status, time: clock(now), defrost: cold.defrosting, alarm: cold.productCelsius > limit },
      ...(!isBroken && { celsius: cold.celsius + random.noise(NOISE_C) }),
      product: cold.productCelsius + random.noise(NOISE_C),
      ...(doors !== 'none' && { door_open: cold.openDoors > 0 }),
    };
  };
  const tell = (now: number): void => {
    looked = now;
    if (!isUp) return;
    for (const one of watched) {
      server.tell(one.plan.unit, stateOf(one, now));
      tally.sent += 1;
      tally.acknowledged += 1;
    }
  };
  const powerUp = async (): Promise<void> => {
    mkdirSync(pki, { recursive: true });
    if (isDropped) return;
    await server.start();
    startedAt = world.now;
    isUp = true;
    tell(world.now);
  };
  const nodes = fridges.flatMap(({ unit, doors }) => [
    { node: `ns=1;s=${unit}.Temperature`, is: 'celsius', unit },
    { node: `ns=1;s=${unit}.ProductTemperature`, is: 'celsius', unit, probe: 'product' },
    { node: `ns=1;s=${unit}.Defrost`, is: 'defrost', unit },
    ...(doors === 'none' ? [] : [{ node: `ns=1;s=${unit}.DoorOpen`, is: 'door_open', unit }]),
  ]);
  const interval = `${Math.max(FASTEST_MS, Math.round(SAMPLED_MS / speed))}ms`;
  return {
    name,
    entry: { name, codec: 'opcua', opcua: { endpoint: server.endpoint, interval, nodes } },
    start: powerUp,
    reboot() {
      if (!isUp) return;
      isUp = false;
      said.add(server.kill().then(powerUp));
    },
    look(now) {
      if (now - looked >= EVERY_MS) tell(now);
    },
    settled: () => said.settled(),
    async stop() {
      tell(world.now);
      await sleep(LAST_WORDS_MS);
      await said.settled().finally(() => server.kill());
    },
    drop() {
      isUp = false;
      isDropped = true;
      return server.kill();
    },
  };
}
