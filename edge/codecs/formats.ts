/** Every format of a vendor that the hub reads, one line each; a shop loads those of its own devices alone. */
import type { CodecName } from '../contracts/devices.ts';
import type { Format } from '../contracts/formats.ts';

// biome-ignore format: one line each, so that two additions do not meet.
const FORMATS: Readonly<Record<Exclude<CodecName, 'hub'>, () => Promise<Format>>> = {
  axis: async () => (await import('./axis.ts')).axis,
  'ble-gateway': async () => (await import('./ble-gateway.ts')).bleGateway,
  chirpstack: async () => (await import('./chirpstack.ts')).chirpstack,
  csv: async () => (await import('./csv.ts')).csv,
  frigate: async () => (await import('./frigate.ts')).frigate,
  impinj: async () => (await import('./impinj.ts')).impinj,
  m100: async () => (await import('./m100.ts')).m100,
  mapping: async () => (await import('./mapping.ts')).mapping,
  'mt-sics': async () => (await import('./mt-sics.ts')).mtSics,
  opcua: async () => (await import('./opcua.ts')).opcua,
  poslog: async () => (await import('./poslog.ts')).poslog,
  'scale-stream': async () => (await import('./scale-stream.ts')).scaleStream,
  scanner: async () => (await import('./scanner.ts')).scanner,
  thingmagic: async () => (await import('./thingmagic.ts')).thingmagic,
  'things-stack': async () => (await import('./things-stack.ts')).thingsStack,
  'toledo-8217': async () => (await import('./toledo-8217.ts')).toledo8217,
  xovis: async () => (await import('./xovis.ts')).xovis,
  zebra: async () => (await import('./zebra.ts')).zebra,
  zigbee2mqtt: async () => (await import('./zigbee2mqtt.ts')).zigbee2mqtt,
};

export type FormatOf = (codec: CodecName) => Format | undefined;

/** The formats of these codecs. The hub's own has none. */
export async function formatsOf(codecs: Iterable<CodecName>): Promise<FormatOf> {
  const wanted = [...new Set(codecs)];
  const formats = await Promise.all(wanted.map(async (codec) => (codec === 'hub' ? undefined : FORMATS[codec]())));
  const loaded = new Map(wanted.map((codec, index) => [codec, formats[index]]));
  return (codec) => loaded.get(codec);
}
