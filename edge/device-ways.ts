/**
 * What the watch over devices is told of each of them: what it is like, whether it sleeps with the shop, and the way that
 * it shares with others. Publishers to the hub's own broker come each by itself, except those for whom one sender speaks.
 */
import type { DeviceConfig } from './contracts/devices.ts';
import type { WatchedDevice } from './sensing/liveness.ts';

/** Something that several devices come by; when it is silent, all of them are. */
export interface SharedWay {
  /** With a `/` in it, which no device's name has. */
  readonly name: string;
  /** For staff: what it is, and where to look. */
  readonly title: string;
  readonly look: string;
  /** Names of devices. */
  readonly behind: readonly string[];
}

export function watchedDevice(config: DeviceConfig): WatchedDevice {
  const { name, rhythm, codec, unit, till } = config;
  const cold = unit !== undefined || codec === 'opcua';
  const rings = till !== undefined || codec === 'poslog' || codec === 'csv';
  const overnight = config.overnight ?? (cold ? true : rings ? false : undefined);
  return { name, rhythm, kin: kinOf(config), way: wayOf(config)?.name, overnight, cold };
}

/** Of the configuration; by itself a device shares no way. */
export function sharedWays(devices: readonly DeviceConfig[]): readonly SharedWay[] {
  const ways = new Map<string, SharedWay>();
  for (const device of devices) {
    const way = wayOf(device);
    if (way !== undefined) ways.set(way.name, { ...way, behind: [...(ways.get(way.name)?.behind ?? []), device.name] });
  }
  return [...ways.values()].filter(({ behind }) => behind.length > 1);
}

/** Devices of one sort are compared with each other. */
function kinOf({ codec, zone, shelf, line, unit, till, antennas }: DeviceConfig): string {
  const places = { till, unit, shelf, line, antennas, zone };
  const place = Object.entries(places).find(([, value]) => value !== undefined)?.[0];
  return `${place ?? ''} ${codec}`;
}

function wayOf({ codec, mqtt, folder, opcua }: DeviceConfig): Omit<SharedWay, 'behind'> | undefined {
  const at = mqtt?.broker === undefined ? '' : ` at ${mqtt.broker}`;
  switch (codec) {
    case 'chirpstack':
    case 'things-stack':
      return {
        name: `lorawan/${codec}${at}`,
        title: 'LoRaWAN gateway',
        look: 'Check the power and the network cable of the LoRaWAN gateway, then whether its network server runs.',
      };
    case 'zigbee2mqtt': {
      const base = mqtt?.topic.split('/', 1)[0] ?? codec;
      return {
        name: `zigbee/${base}${at}`,
        title: 'Zigbee gateway',
        look: 'Check the power of the Zigbee gateway and its USB stick, then whether Zigbee2MQTT runs.',
      };
    }
    case 'frigate':
      return {
        name: `frigate/${mqtt?.topic.split('/', 1)[0] ?? codec}${at}`,
        title: 'Camera server',
        look: 'Check the power and the network cable of the camera server, then whether Frigate runs.',
      };
  }
  if (mqtt?.broker !== undefined)
    return {
      name: `broker/${mqtt.broker}`,
      title: `Broker ${mqtt.broker}`,
      look: 'Check the power and the network cable of the machine that the broker runs on.',
    };
  if (opcua !== undefined)
    return {
      name: `opcua/${opcua.endpoint.replace('opc.tcp://', '')}`,
      title: 'Cooling control',
      look: 'Check the power and the network cable of the cooling control.',
    };
  if (folder === undefined) return undefined;
  return {
    name: `folder/${folder.path.replace(/^\//, '')}`,
    title: 'Files of the tills',
    look: 'Check that the program runs that writes the files, and that the folder can be reached.',
  };
}
