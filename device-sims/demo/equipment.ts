/** The devices of the afternoon at the hub: those of the world's fleet, one of which loses its power for a while. */
import { mkdirSync } from 'node:fs';
import { beaconOf } from '../fleet/bluetooth.ts';
import { openFleet } from '../fleet/fleet.ts';
import { type HubAddress, HubLinks } from '../fleet/links.ts';
import { type FleetTally, type Links, newTally, type SimDevice } from '../fleet/sim-device.ts';
import { streams } from '../sim/streams.ts';
import type { World } from '../sim/world.ts';

export interface EquipmentOptions {
  readonly world: World;
  readonly seed: number;
  readonly speed: number;
  readonly address: HubAddress;
  /** For the files of old tills and the serial lines. */
  readonly dir: string;
  readonly serial: boolean;
  readonly clock: (now: number) => number;
}

export interface Equipment {
  readonly devices: readonly SimDevice[];
  readonly tally: FleetTally;
  /** What members answered at the kiosk, by the name of their phone's beacon. */
  readonly answers: ReadonlyMap<string, boolean>;
  /** Cards and beacons of the members who came. */
  readonly members: ReadonlySet<string>;
  start(): Promise<void>;
  look(now: number): void;
  /** The device says nothing, until it is set right. Its name must be one of `devices`. */
  breakDown(device: string): void;
  setRight(): void;
  /** Their last words; resolves when everything is acknowledged. */
  stop(): Promise<void>;
}

const KIOSK_TOPIC = 'in/consent/';

export function openEquipment({ world, seed, speed, address, dir, serial, clock }: EquipmentOptions): Equipment {
  const of = streams(seed);
  const tally = newTally();
  const links = new HubLinks(address, tally);
  const answers = new Map<string, boolean>();
  const members = new Set<string>();
  world.watch((record) => {
    if (record.kind !== 'entered' || record.shopper === undefined) return;
    members.add(record.shopper);
    members.add(beaconOf(record.shopper).name);
  });
  /** Overhears the kiosk. */
  const linksOf = (device: string): Links => {
    const own = links.of(device);
    return {
      ...own,
      publish(client, topic, payload) {
        if (topic.startsWith(KIOSK_TOPIC)) {
          const { shopper, granted } = JSON.parse(String(payload)) as { shopper: string; granted: boolean };
          answers.set(shopper, granted);
        }
        return own.publish(client, topic, payload);
      },
    };
  };
  const devices = openFleet({ world, of, linksOf, tally, clockOf: () => clock, dir, serial, speed });
  let broken: string | undefined;
  let isStopped = false;
  return {
    ...{ devices, tally, answers, members },
    async start() {
      for (const { entry } of devices) {
        const { path } = (entry?.folder ?? {}) as { readonly path?: string };
        if (path !== undefined) mkdirSync(path, { recursive: true });
      }
      for (const device of devices) await device.start();
    },
    look(now) {
      if (isStopped) return;
      for (const device of devices) if (device.name !== broken) device.look(now);
    },
    breakDown(device) {
      if (!devices.some(({ name }) => name === device)) throw new Error(`there is no device ${device}`);
      broken = device;
    },
    setRight() {
      broken = undefined;
    },
    async stop() {
      if (isStopped) return;
      isStopped = true;
      // All at once: scales on serial lines take their time for the last word.
      await Promise.all(devices.map((device) => device.stop()));
      await links.close();
    },
  };
}
