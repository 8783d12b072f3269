/**
 * The phones of loyalty members, as beacons of the shop's app: gateways hear them in their own zone, and weaker in the
 * zones next door. And the kiosk at the entrance where members say once whether they want offers. Who has no card has no
 * app: nobody hears them.
 *
 * Gateways are of two makes: Minew reports (JSON-LONG) in one array, and OpenMQTTGateway with one publish a beacon.
 */
import { createHash } from 'node:crypto';
import { streams } from '../sim/streams.ts';
import type { ZonePlan } from '../sim/world-file.ts';
import { Said } from './said.ts';
import type { DeviceParts, SimDevice } from './sim-device.ts';

export interface Beacon {
  /** 32 hex digits: the app's, the same for all. */
  readonly uuid: string;
  readonly major: number;
  readonly minor: number;
  /** As the hub calls it: the pseudonym of who carries it. */
  readonly name: string;
}

const APP_UUID = 'f7826da64fa24e988024bc5b71e0893e';

/** @param shopper the pseudonym on the card */
export function beaconOf(shopper: string): Beacon {
  const digest = createHash('sha256').update(shopper).digest();
  const [major, minor] = [digest.readUInt16BE(0), digest.readUInt16BE(2)];
  return { uuid: APP_UUID, major, minor, name: `${APP_UUID}:${major}:${minor}` };
}

export interface GatewayPlan {
  readonly name: string;
  readonly zone: ZonePlan;
  readonly nextDoor: readonly string[];
  readonly make: 'minew' | 'openmqtt';
  readonly everyMs: number;
}

/** dBm, and how it scatters: a phone in a pocket, a body between. */
const HERE_DBM = -58;
const NEXT_DOOR_DBM = -74;
const SCATTER_DB = 4;
const HEARD_HERE = 0.95;
const HEARD_NEXT_DOOR = 0.5;

export function openBluetoothGateway(plan: GatewayPlan, { world, links, random }: DeviceParts): SimDevice {
  const { name, zone, nextDoor, make, everyMs } = plan;
  const topic = make === 'minew' ? `gw/${name}/status` : `home/${name}/BTtoMQTT/phones`;
  const said = new Said();
  /** By party. */
  const members = new Map<number, Beacon>();
  const here = new Set<number>();
  const behindTheWall = new Set<number>();
  let looked = Number.NEGATIVE_INFINITY;
  const address = (): string =>
    // Phones change theirs all the time.
    Array.from({ length: 6 }, () => random.whole(0, 255).toString(16).padStart(2, '0').toUpperCase()).join('');
  const look = (now: number): void => {
    looked = now;
    const heard: (Beacon & { readonly rssi: number })[] = [];
    const listen = (party: number, dbm: number, chance: number): void => {
      const beacon = members.get(party);
      if (beacon !== undefined && random.chance(chance))
        heard.push({ ...beacon, rssi: Math.round(dbm + random.noise(SCATTER_DB)) });
    };
    for (const party of here) listen(party, HERE_DBM, HEARD_HERE);
    for (const party of behindTheWall) listen(party, NEXT_DOOR_DBM, HEARD_NEXT_DOOR);
    if (heard.length === 0) return;
    if (make === 'minew') {
      const reports = heard.map(({ uuid, major, minor, rssi }) => ({
        ...{ type: 'iBeacon', mac: address(), bleName: '', ibeaconUuid: uuid.toUpperCase() },
        ...{ ibeaconMajor: major, ibeaconMinor: minor, rssi, ibeaconTxPower: -59, battery: 0 },
      }));
      const own = { type: 'Gateway', mac: 'AC233FC00001', gatewayFree: 88, gatewayLoad: 0.4 };
      said.add(links.publish(name, topic, JSON.stringify([own, ...reports])));
      return;
    }
    for (const { uuid, major, minor, rssi } of heard) {
      const id = address().replace(/(?<=..)(?=(..)+$)/g, ':');
      const report = { id, rssi, model_id: 'IBEACON', mfid: '4c00', uuid, major, minor, txpower: -59 };
      said.add(links.publish(name, topic, JSON.stringify(report)));
    }
  };
  return {
    name,
    entry: { name, codec: 'ble-gateway', mqtt: { topic }, zone: zone.zone },
    async start() {
      world.watch((record) => {
        if (record.kind === 'entered' && record.shopper !== undefined)
          members.set(record.who, beaconOf(record.shopper));
        else if (record.kind === 'left') members.delete(record.who);
        else if (record.kind === 'zone-entered' || record.kind === 'zone-left') {
          const place = record.zone === zone.zone ? here : nextDoor.includes(record.zone) ? behindTheWall : undefined;
          if (record.kind === 'zone-left') place?.delete(record.who);
          else if (members.has(record.who)) place?.add(record.who);
        }
      });
    },
    look(now) {
      if (now - looked >= everyMs) look(now);
    },
    settled: () => said.settled(),
    stop: () => said.settled(),
  };
}

/** Of members, who want offers. */
const CONSENTS = 0.75;

/** Every member is asked once, at the first visit. */
export function openKiosk(name: string, { world, links, clock }: DeviceParts): SimDevice {
  const said = new Said();
  const asked = new Set<string>();
  return {
    name,
    entry: undefined,
    async start() {
      world.watch((record) => {
        if (record.kind !== 'entered' || record.shopper === undefined || asked.has(record.shopper)) return;
        asked.add(record.shopper);
        const shopper = beaconOf(record.shopper).name;
        const granted = streams(0)('consent', record.shopper).chance(CONSENTS);
        const time = new Date(clock(record.ms)).toISOString();
        const reading = { time, shopper, granted, scope: 'offers' };
        said.add(links.publish(name, `in/consent/${name}`, JSON.stringify(reading)));
      });
    },
    look: () => undefined,
    settled: () => said.settled(),
    stop: () => said.settled(),
  };
}
