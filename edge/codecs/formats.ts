/** Every format of a vendor that the hub reads, one line each. */
import type { CodecName } from '../contracts/devices.ts';
import type { Format } from '../contracts/formats.ts';
import { axis } from './axis.ts';
import { bleGateway } from './ble-gateway.ts';
import { chirpstack } from './chirpstack.ts';
import { csv } from './csv.ts';
import { frigate } from './frigate.ts';
import { impinj } from './impinj.ts';
import { m100 } from './m100.ts';
import { mapping } from './mapping.ts';
import { mtSics } from './mt-sics.ts';
import { opcua } from './opcua.ts';
import { poslog } from './poslog.ts';
import { scaleStream } from './scale-stream.ts';
import { scanner } from './scanner.ts';
import { thingmagic } from './thingmagic.ts';
import { thingsStack } from './things-stack.ts';
import { toledo8217 } from './toledo-8217.ts';
import { xovis } from './xovis.ts';
import { zebra } from './zebra.ts';
import { zigbee2mqtt } from './zigbee2mqtt.ts';

// biome-ignore format: one line each, so that two additions do not meet.
const FORMATS: readonly Format[] = [
  axis,
  bleGateway,
  chirpstack,
  csv,
  frigate,
  impinj,
  m100,
  mapping,
  mtSics,
  opcua,
  poslog,
  scaleStream,
  scanner,
  thingmagic,
  thingsStack,
  toledo8217,
  xovis,
  zebra,
  zigbee2mqtt,
];

export function formatOf(name: CodecName): Format | undefined {
  return FORMATS.find((format) => format.name === name);
}
