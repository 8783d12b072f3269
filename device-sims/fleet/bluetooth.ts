/**
 * The phones of loyalty members, as beacons of the shop's app: gateways hear them in their own zone, and weaker in the
 * zones next door. And the kiosk at the entrance where members say once whether they want offers. Who has no card has no
 * app: nobody hears them.
 *
 * Mobile tills carry a tag, an Eddystone beacon with its battery, so that it is known where they roam. Gateways are of two
 * makes: Minew, and OpenMQTTGateway.
 */
import { createHash } from 'node:crypto';
import { streams } from '../sim/streams.ts';
import type { WorldFile, ZonePlan } from '../sim/world-file.ts';
import { eddystoneTlm, eddystoneUid, type Heard, minewReport, openMqttReport } from '../vendors/beacons.ts';
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

/** A tag on something of the shop's own. */
export interface AssetTag {
  readonly till: string;
  /** As the hub calls what carries it. */
  readonly asset: string;
  /** Eddystone's, in hex: 20 digits of the shop's, 12 of the tag. */
  readonly namespace: string;
  readonly instance: string;
  /** 12 hex digits; it never changes. */
  readonly address: string;
}

const SHOP_NAMESPACE = 'edd1ebeac04e5defa017';

export function tillTags({ tills }: WorldFile): readonly AssetTag[] {
  return tills
    .filter(({ is }) => is === 'mobile')
    .map(({ till }) => {
      const instance = createHash('sha256').update(till).digest('hex').slice(0, 12);
      const address = `AC23${instance.slice(0, 8)}`.toUpperCase();
      return { till, asset: `tag-${till}`, namespace: SHOP_NAMESPACE, instance, address };
    });
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
/** Of the advertisements of a tag, so many tell of its battery instead of its name. */
const TELLS_BATTERY = 0.1;
const BATTERY_MV = 2870;

export function openBluetoothGateway(plan: GatewayPlan, { world, links, random }: DeviceParts): SimDevice {
  const { name, zone, nextDoor, make, everyMs } = plan;
  const topic = make === 'minew' ? `gw/${name}/status` : `home/${name}/BTtoMQTT/phones`;
  const said = new Said();
  /** By party. */
  const members = new Map<number, Beacon>();
  const here = new Set<number>();
  const behindTheWall = new Set<number>();
  let looked = Number.NEGATIVE_INFINITY;
  let began = 0;
  const tags = tillTags(world.floor.file);
  const zoneOf = new Map(world.floor.file.tills.map(({ till, zone: begins }) => [till, begins]));
  const address = (): string =>
    // Phones change theirs all the time.
    Array.from({ length: 6 }, () => random.whole(0, 255).toString(16).padStart(2, '0').toUpperCase()).join('');
  const strength = (dbm: number): number => Math.round(dbm + random.noise(SCATTER_DB));
  const look = (now: number): void => {
    looked = now;
    const heard: Heard[] = [];
    const listen = (party: number, dbm: number, chance: number): void => {
      const is = members.get(party);
      if (is !== undefined && random.chance(chance)) heard.push({ is, address: address(), rssi: strength(dbm) });
    };
    for (const party of here) listen(party, HERE_DBM, HEARD_HERE);
    for (const party of behindTheWall) listen(party, NEXT_DOOR_DBM, HEARD_NEXT_DOOR);
    for (const tag of tags) {
      const at = zoneOf.get(tag.till) ?? '';
      const isHere = at === zone.zone;
      if (!isHere && !nextDoor.includes(at)) continue;
      if (!random.chance(isHere ? HEARD_HERE : HEARD_NEXT_DOOR)) continue;
      const is = random.chance(TELLS_BATTERY)
        ? eddystoneTlm(BATTERY_MV, 22, Math.floor((now - began) / 1000))
        : eddystoneUid(tag.namespace, tag.instance);
      heard.push({ is, address: tag.address, rssi: strength(isHere ? HERE_DBM : NEXT_DOOR_DBM) });
    }
    if (heard.length === 0) return;
    if (make === 'minew') said.add(links.publish(name, topic, minewReport(heard)));
    else for (const one of heard) said.add(links.publish(name, topic, openMqttReport(one)));
  };
  return {
    name,
    entry: {
      ...{ name, codec: 'ble-gateway', mqtt: { topic }, zone: zone.zone },
      ...(tags.length > 0 && {
        places: Object.fromEntries(tags.map(({ namespace, instance, asset }) => [`${namespace}:${instance}`, asset])),
      }),
    },
    async start() {
      began = world.now;
      world.watch((record) => {
        if (record.kind === 'entered' && record.shopper !== undefined)
          members.set(record.who, beaconOf(record.shopper));
        else if (record.kind === 'left') members.delete(record.who);
        else if (record.kind === 'till-moved') zoneOf.set(record.till, record.zone);
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
