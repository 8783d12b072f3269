/**
 * Bluetooth gateways that report which beacons they hear. Two are read, and the raw advertisements of any other that
 * names its fields as one of them does.
 *
 *   frame   := report | [report]
 *   Minew G1 and later, JSON-LONG: an array, the gateway itself first
 *     report := { type: "Gateway", mac, gatewayFree, gatewayLoad, ... }
 *             | { type: "iBeacon", mac, rssi, ibeaconUuid (32 hex), ibeaconMajor, ibeaconMinor, battery? (0: unknown) }
 *             | { type, mac, rssi, rawData (hex of the advertising data), battery? }
 *   OpenMQTTGateway (Theengs): one object in a publish, one publish for each advertisement
 *     report := { id (mac), rssi, model_id: "IBEACON", uuid (32 hex), major, minor, batt? }
 *             | { id (mac), rssi, manufacturerdata (hex, the company first) }
 *             | { id (mac), rssi, servicedatauuid: "0xfeaa", servicedata (hex) }
 *
 * The gateway stands in the device's `zone`. A beacon that `places` names is an asset: a status of a device of that name.
 * Every other one is a person's: a presence in the zone, whose pseudonym is what the beacon is called
 * (ble-advertisement.ts). Either is said when it is first heard and then at most every 10 s; who is not heard any more
 * is taken to have left after rules.location_offer.absent_after. Of several gateways the one that hears a beacon best has
 * it (nearest-gateway.ts); `calibration.rssi_dbm` leaves out what is heard from beyond the zone.
 *
 * No time: a sighting is of now. Addresses (mac, id) mostly change by the minute and are never kept, but for those of
 * assets, by which a TLM frame's battery is told whose it is. Nothing else is kept than when a beacon was last said, for
 * the newest few thousand.
 */
import type { DeviceConfig } from '../contracts/devices.ts';
import { HubError } from '../contracts/errors.ts';
import type { Decoder, Format, Frame, NotUnderstood, Said, Understood } from '../contracts/formats.ts';
import {
  bytesOf,
  iBeacon,
  readAdvertisement,
  readEddystone,
  readManufacturer,
  type Sighted,
} from './ble-advertisement.ts';
import { countOf, type Fields, fieldsOf, numberOf, parsedFrame, textOf } from './json-frame.ts';
import { NearestGateway } from './nearest-gateway.ts';

const EXPECTED = 'a JSON object or an array of objects, one for each beacon heard';
const AGAIN_MS = 10_000;
const MOST_BEACONS = 4096;
const MOST_REPORTS = 1000;
const UUID = /^([0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i;
const IBEACON_NAME = /^([0-9a-f-]{32,36}):(\d{1,5}):(\d{1,5})$/i;
const EDDYSTONE_NAME = /^[0-9a-f]{20}:[0-9a-f]{12}$/i;
const LARGEST_U16 = 65_535;
/** A lithium coin cell, roughly: full and flat. */
const FULL_MV = 3000;
const FLAT_MV = 2000;

/** What all gateways of a shop have in common. */
interface Shared {
  readonly nearest: NearestGateway;
  readonly closed: () => void;
}

class BleGateway implements Decoder {
  readonly #zone: string;
  readonly #weakest: number;
  /** Beacon -> name of the asset. */
  readonly #assets: ReadonlyMap<string, string>;
  /** Address -> beacon, of assets only. */
  readonly #addresses = new Map<string, string>();
  /** Beacon -> percent, of assets only. */
  readonly #batteries = new Map<string, number>();
  /** Beacon -> when it was last said; what was heard longest ago is first. */
  readonly #said = new Map<string, number>();

  readonly #nearest: NearestGateway;
  readonly #closed: () => void;

  constructor({ calibration }: DeviceConfig, zone: string, assets: ReadonlyMap<string, string>, shared: Shared) {
    this.#nearest = shared.nearest;
    this.#closed = shared.closed;
    this.#zone = zone;
    this.#weakest = calibration.rssi_dbm ?? Number.NEGATIVE_INFINITY;
    this.#assets = assets;
  }

  decode({ bytes, received }: Frame): Understood | NotUnderstood {
    const parsed = parsedFrame(bytes, EXPECTED);
    if (!parsed.ok) return parsed;
    const reports = Array.isArray(parsed.value) ? parsed.value : [parsed.value];
    if (reports.length > MOST_REPORTS)
      return { ok: false, reason: `${reports.length} reports: expected at most ${MOST_REPORTS} in one frame` };
    const said: Said[] = [];
    for (const report of reports) {
      const fields = fieldsOf(report);
      if (fields === undefined) return { ok: false, reason: `a report that is no object: expected ${EXPECTED}` };
      this.#hear(fields, received, said);
    }
    return { ok: true, said, note: `${reports.length} heard, ${said.length} said` };
  }

  unstored(): void {
    this.#said.clear();
    this.#batteries.clear();
  }

  close(): void {
    this.#closed();
  }

  #hear(report: Fields, received: number, said: Said[]): void {
    const rssi = numberOf(report.rssi);
    if (rssi !== undefined && rssi < this.#weakest) return;
    const { beacon, millivolts } = sightedIn(report);
    const address = textOf(report.mac) ?? textOf(report.id);
    if (beacon === undefined) {
      const known = address === undefined ? undefined : this.#addresses.get(address);
      if (known !== undefined && millivolts !== undefined) this.#battery(known, percentOf(millivolts), said);
      return;
    }
    if (!this.#nearest.takes(beacon, this.#zone, rssi, received)) return;
    const asset = this.#assets.get(beacon);
    if (asset === undefined) {
      if (this.#isDue(beacon, received))
        said.push({ kind: 'presence', reading: { zone: this.#zone, shopper: beacon, present: true } });
      return;
    }
    if (address !== undefined) this.#learn(address, beacon);
    const percent = countOf(report.battery) ?? countOf(report.batt);
    if (percent !== undefined && percent > 0 && percent <= 100) this.#batteries.set(beacon, percent);
    if (this.#isDue(beacon, received)) this.#tell(beacon, asset, said);
  }

  #battery(beacon: string, percent: number, said: Said[]): void {
    const asset = this.#assets.get(beacon);
    if (asset === undefined || this.#batteries.get(beacon) === percent) return;
    this.#batteries.set(beacon, percent);
    this.#tell(beacon, asset, said);
  }

  #tell(beacon: string, asset: string, said: Said[]): void {
    const battery_percent = this.#batteries.get(beacon);
    const battery = battery_percent !== undefined && { battery_percent };
    said.push({ kind: 'status', device: asset, reading: { online: true, ...battery, text: `in ${this.#zone}` } });
  }

  /** Whether it was not said within the last seconds; notes that it is said now. */
  #isDue(beacon: string, received: number): boolean {
    const last = this.#said.get(beacon);
    // A clock that was set back must not silence anybody.
    if (last !== undefined && received >= last && received < last + AGAIN_MS) return false;
    keepNewest(this.#said, beacon, received, MOST_BEACONS);
    return true;
  }

  #learn(address: string, beacon: string): void {
    if (address.length <= 32) keepNewest(this.#addresses, address, beacon, 4 * this.#assets.size);
  }
}

function keepNewest<V>(map: Map<string, V>, key: string, value: V, most: number): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > most && oldest !== undefined) map.delete(oldest);
}

/** What a report says of a beacon, from fields that the gateway decoded or from the advertisement itself. */
function sightedIn(report: Fields): Sighted {
  const named =
    ofParts(report.ibeaconUuid, report.ibeaconMajor, report.ibeaconMinor) ??
    ofParts(report.uuid, report.major, report.minor);
  if (named !== undefined) return { beacon: named };
  const raw = bytesOf(report.rawData);
  if (raw !== undefined) return readAdvertisement(raw);
  const manufacturer = bytesOf(report.manufacturerdata);
  if (manufacturer !== undefined) return readManufacturer(manufacturer);
  const service = bytesOf(report.servicedata);
  const isEddystone = /^(0x)?feaa$/i.test(textOf(report.servicedatauuid) ?? '');
  return service !== undefined && isEddystone ? readEddystone(service) : {};
}

function ofParts(uuid: unknown, major: unknown, minor: unknown): string | undefined {
  const [first, second] = [countOf(major), countOf(minor)];
  if (typeof uuid !== 'string' || !UUID.test(uuid) || first === undefined || second === undefined) return undefined;
  return first > LARGEST_U16 || second > LARGEST_U16 ? undefined : iBeacon(uuid, first, second);
}

function percentOf(millivolts: number): number {
  const share = (millivolts - FLAT_MV) / (FULL_MV - FLAT_MV);
  return Math.round(100 * Math.min(1, Math.max(0, share)));
}

/** As beacons are called here; undefined: it is no beacon's name. */
function beaconNamed(text: string): string | undefined {
  const [, uuid, major, minor] = IBEACON_NAME.exec(text) ?? [];
  if (uuid !== undefined) return ofParts(uuid, Number(major), Number(minor));
  return EDDYSTONE_NAME.test(text) ? text.toLowerCase() : undefined;
}

/** Where the assets of an entry are named. Throws CONFIG_INVALID. */
function assetsOf({ places = {} }: DeviceConfig): ReadonlyMap<string, string> {
  const assets = new Map<string, string>();
  for (const [key, asset] of Object.entries(places)) {
    const beacon = beaconNamed(key);
    if (beacon === undefined)
      throw refusal(`places.${key}: expected a beacon as uuid:major:minor, or as namespace:instance in hex`);
    if (/[/+#\p{Cc}]/u.test(asset)) throw refusal(`places.${key}: must be a name without / + and #`);
    assets.set(beacon, asset);
  }
  return assets;
}

function refusal(why: string): HubError {
  return new HubError('CONFIG_INVALID', why);
}

export function bleGatewayFormat(): Format {
  let nearest = new NearestGateway();
  let open = 0;
  return {
    name: 'ble-gateway',
    personal: true,
    open(device) {
      const { zone } = device;
      if (zone === undefined) throw refusal('zone: ble-gateway needs the zone in which it stands');
      const assets = assetsOf(device);
      open += 1;
      const closed = (): void => {
        open -= 1;
        if (open === 0) nearest = new NearestGateway();
      };
      return new BleGateway(device, zone, assets, { nearest, closed });
    },
  };
}

export const bleGateway: Format = bleGatewayFormat();
