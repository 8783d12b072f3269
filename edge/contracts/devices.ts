/**
 * A device as the configuration names it: how its bytes reach the hub, which codec reads them, where it stands in the
 * shop and how it is calibrated. The checked form of an entry of `devices` (config/devices.ts); times in milliseconds.
 */

/** How the bytes of a device are read; `hub`: the hub's own JSON on `in/<kind>/<name>`, which needs no entry. */
export const CODECS = [
  'hub',
  'impinj',
  'zebra',
  'chirpstack',
  'things-stack',
  'zigbee2mqtt',
  'xovis',
  'axis',
  'ble-gateway',
  'frigate',
  'mapping',
  'poslog',
  'csv',
  'scanner',
  'mt-sics',
  'toledo-8217',
  'scale-stream',
  'thingmagic',
  'm100',
  'opcua',
] as const;
export type CodecName = (typeof CODECS)[number];

/** The ways by which bytes reach the hub, as keys of a device; at most one of them. */
export const TRANSPORTS = ['mqtt', 'push', 'folder', 'serial', 'opcua'] as const;
export type TransportName = (typeof TRANSPORTS)[number];

/** Publishes under a topic filter (`+`, `#`), at the hub's own broker or at one of `brokers`. */
export interface MqttSource {
  readonly topic: string;
  readonly broker?: string | undefined;
}

/** Files that another program leaves in a folder. */
export interface FolderSource {
  readonly path: string;
  /** With `*` and `?`. */
  readonly files: string;
  /** What becomes of a file that was taken. */
  readonly after: 'keep' | 'move' | 'delete';
  /** A file is taken when it has not changed for so long. */
  readonly settle: number;
}

/** A serial line: the adapter's stable name under /dev/serial/by-id, or a port. */
export interface SerialSource {
  readonly port: string;
  readonly baud: number;
  readonly frame: '8N1' | '7E1' | '7O1' | '8E1';
}

export interface OpcuaNode {
  /** Such as `ns=2;s=Fridge1.Temperature`. */
  readonly node: string;
  /** What it tells: a field of the climate reading. */
  readonly is: 'celsius' | 'humidity' | 'door_open' | 'defrost';
  /** The cold unit; absent: the device's `unit`. */
  readonly unit?: string | undefined;
  readonly probe?: 'air' | 'product' | undefined;
}

/** A server of cold units. */
export interface OpcuaSource {
  readonly endpoint: string;
  readonly nodes: readonly OpcuaNode[];
  readonly interval: number;
  readonly security: 'none' | 'sign' | 'sign-and-encrypt';
  readonly username?: string | undefined;
  readonly password_file?: string | undefined;
}

/** What a codec needs to know of the shop; each codec says which of these it uses. */
export interface DevicePlace {
  readonly zone?: string | undefined;
  readonly shelf?: string | undefined;
  /** Counting line of a people counter. */
  readonly line?: string | undefined;
  /** Cold unit. */
  readonly unit?: string | undefined;
  readonly till?: string | undefined;
  /** Antenna number -> zone, of an RFID reader. */
  readonly antennas?: Readonly<Record<string, string>> | undefined;
  /** What the device calls a line, zone or shelf -> what the shop calls it. */
  readonly places?: Readonly<Record<string, string>> | undefined;
}

export interface DeviceCalibration {
  /** Added to what a thermometer says. */
  readonly celsius: number;
  /** What a scale says is multiplied by it. */
  readonly weight: number;
  /** Distance to the goods of a full and of an empty shelf, for sensors that measure it. */
  readonly full_mm?: number | undefined;
  readonly empty_mm?: number | undefined;
  /** Sightings of beacons weaker than this do not count. */
  readonly rssi_dbm?: number | undefined;
}

export interface DeviceConfig extends DevicePlace {
  readonly name: string;
  readonly codec: CodecName;
  /** The hardware, where a codec speaks for several: `em300-th`. */
  readonly model?: string | undefined;
  readonly mqtt?: MqttSource | undefined;
  /** Its pushes come by `POST /push/<name>`. */
  readonly push?: boolean | undefined;
  readonly folder?: FolderSource | undefined;
  readonly serial?: SerialSource | undefined;
  readonly opcua?: OpcuaSource | undefined;
  readonly calibration: DeviceCalibration;
  /** How often it says something at the latest; absent: learned. */
  readonly rhythm?: number | undefined;
  /** Whether it goes on while the shop is closed; absent: a cold unit does, a till does not, others are learned. */
  readonly overnight?: boolean | undefined;
  /** What a till calls a product -> its GTIN; a code may end in `*`. */
  readonly codes?: Readonly<Record<string, string>> | undefined;
  /** The store's, IANA name: for devices that tell local time. Absent: UTC. */
  readonly timezone?: string | undefined;
  /** Of codec `mapping`: kind of reading -> JSONata expression; of codec `csv`: field of a sale line -> column. */
  readonly mapping?: Readonly<Record<string, string>> | undefined;
}

/** A mapping may read persons out of any format; a sale may have a shopper whom the expression does not name. */
export function mapsPersons({ mapping = {} }: Pick<DeviceConfig, 'mapping'>): boolean {
  return Object.entries(mapping).some(
    ([key, expression]) => /^(presence|consent|sale)$/.test(key) || /shopper/i.test(key + expression),
  );
}

/** A broker of the shop's own, beside the hub's. */
export interface OutsideBroker {
  readonly name: string;
  readonly url: string;
  readonly username?: string | undefined;
  readonly password_file?: string | undefined;
  readonly ca?: string | undefined;
}
