/**
 * What Bluetooth gateways report of the beacons that they hear: Minew's JSON-LONG, one array with the gateway itself
 * first, and OpenMQTTGateway's, one object a publish. iBeacons are decoded by the gateway; Eddystone frames go on as the
 * bytes that were heard.
 */

export interface IBeacon {
  /** 32 hex digits. */
  readonly uuid: string;
  readonly major: number;
  readonly minor: number;
}

export interface Heard {
  /** 12 hex digits, upper case. */
  readonly address: string;
  /** dBm. */
  readonly rssi: number;
  readonly is: IBeacon | Buffer;
}

const TX_POWER_DBM = -59;

/** Eddystone-UID: 00, power at no distance, namespace (20 hex digits), instance (12), two reserved bytes. */
export function eddystoneUid(namespace: string, instance: string): Buffer {
  return Buffer.concat([
    Buffer.of(0x00, (TX_POWER_DBM + 41) & 0xff),
    Buffer.from(`${namespace}${instance}0000`, 'hex'),
  ]);
}

/** Eddystone-TLM: 20, version 0, millivolts, degrees in 8.8, advertisements and tenths of a second since it was switched on. */
export function eddystoneTlm(millivolts: number, celsius: number, seconds: number): Buffer {
  const frame = Buffer.alloc(14);
  frame[0] = 0x20;
  frame.writeUInt16BE(millivolts, 2);
  frame.writeInt16BE(Math.round(celsius * 256), 4);
  frame.writeUInt32BE(seconds, 6);
  frame.writeUInt32BE(seconds * 10, 10);
  return frame;
}

/** Flags, the list of services, and the frame as service data of FEAA. */
export function eddystoneAdvertisement(frame: Buffer): Buffer {
  const head = Buffer.from([2, 0x01, 0x06, 3, 0x03, 0xaa, 0xfe, frame.length + 3, 0x16, 0xaa, 0xfe]);
  return Buffer.concat([head, frame]);
}

export function minewReport(heard: readonly Heard[]): string {
  const own = { type: 'Gateway', mac: 'AC233FC00001', gatewayFree: 88, gatewayLoad: 0.4 };
  const reports = heard.map(({ address: mac, rssi, is }) => {
    if (Buffer.isBuffer(is))
      return { type: 'Unknown', mac, rssi, rawData: eddystoneAdvertisement(is).toString('hex').toUpperCase() };
    return {
      ...{ type: 'iBeacon', mac, bleName: '', ibeaconUuid: is.uuid.toUpperCase() },
      ...{ ibeaconMajor: is.major, ibeaconMinor: is.minor, rssi, ibeaconTxPower: TX_POWER_DBM, battery: 0 },
    };
  });
  return JSON.stringify([own, ...reports]);
}

export function openMqttReport({ address, rssi, is }: Heard): string {
  const id = address.replace(/(?<=..)(?=(..)+$)/g, ':');
  if (Buffer.isBuffer(is))
    return JSON.stringify({ id, rssi, servicedatauuid: '0xfeaa', servicedata: is.toString('hex') });
  const { uuid, major, minor } = is;
  return JSON.stringify({ id, rssi, model_id: 'IBEACON', mfid: '4c00', uuid, major, minor, txpower: TX_POWER_DBM });
}
