/** The ways by which frames of configured devices reach the hub, one line each. */
import type { FormatOf } from './codecs/formats.ts';
import type { DeviceConfig, OutsideBroker } from './contracts/devices.ts';
import type { FileIntake } from './contracts/files.ts';
import type { Frame } from './contracts/formats.ts';
import type { Receipt, SourcePosition } from './contracts/intake.ts';
import { writeDurably } from './journal/durable-file.ts';
import type { Logger } from './ops/logging.ts';

export interface Transport {
  /** Resolves soon: a device that is away is waited for in the background, and never holds up another. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface TransportParts {
  /** Name of this hub. */
  readonly hub: string;
  readonly devices: readonly DeviceConfig[];
  /** Of the codecs of these devices. */
  readonly formatOf: FormatOf;
  readonly brokers: readonly OutsideBroker[];
  /** The edge's folder. */
  readonly dataDir: string;
  /** Hands over a frame; the acknowledgement waits for the receipt. */
  readonly take: (device: string, frame: Frame, done: (receipt: Receipt) => void, position?: SourcePosition) => void;
  /** How far a source was read, as last committed. */
  readonly positionOf: (source: string) => Promise<string | undefined>;
  /** Where records of files go. */
  readonly files: FileIntake;
  /** What is wrong with the way to a device, in a sentence for an installer; undefined: it works (again). */
  readonly trouble: (device: string, reason: string | undefined) => void;
  readonly logger: Logger;
}

/** The transports that the configuration needs; a library is loaded only when one does. */
export async function transportsOf(parts: TransportParts): Promise<readonly Transport[]> {
  return [
    ...(await serialLines(parts)),
    ...(await fileDrops(parts)),
    ...(await outsideBrokers(parts)),
    ...(await opcUaServers(parts)),
  ];
}

async function outsideBrokers(parts: TransportParts): Promise<readonly Transport[]> {
  const used = parts.brokers.filter(({ name }) => parts.devices.some(({ mqtt }) => mqtt?.broker === name));
  if (used.length === 0) return [];
  const [{ OutsideBrokerLink }, { KeptFilters }] = await Promise.all([
    import('./devices/outside-broker.ts'),
    import('./devices/kept-filters.ts'),
  ]);
  const kept = new KeptFilters({ dataDir: parts.dataDir, write: writeDurably });
  return used.map((broker) => {
    const devices = parts.devices.filter(({ mqtt }) => mqtt?.broker === broker.name);
    return new OutsideBrokerLink({ ...parts, broker, devices, kept });
  });
}

async function fileDrops({ devices, files, trouble, logger }: TransportParts): Promise<readonly Transport[]> {
  const folders = devices.filter(({ folder }) => folder !== undefined).length;
  if (folders === 0) return [];
  const [{ FileDrop }, { FolderHost }] = await Promise.all([
    import('./devices/file-drop.ts'),
    import('./devices/folder-host.ts'),
  ]);
  const host = new FolderHost({ folders });
  const drops = devices.flatMap(({ name, folder }) =>
    folder === undefined
      ? []
      : new FileDrop({ device: name, source: folder, files, host, trouble: (reason) => trouble(name, reason), logger }),
  );
  return [
    {
      start: async () => void (await Promise.all(drops.map((drop) => drop.start()))),
      stop: async () => {
        await Promise.all(drops.map((drop) => drop.stop()));
        host.stop();
      },
    },
  ];
}

async function serialLines({
  devices,
  formatOf,
  take,
  trouble,
  logger,
}: TransportParts): Promise<readonly Transport[]> {
  if (!devices.some(({ serial }) => serial !== undefined)) return [];
  const { SerialLine } = await import('./devices/serial-line.ts');
  return devices.flatMap((device) => {
    const { name, codec, serial: source } = device;
    const line = formatOf(codec)?.line;
    if (source === undefined || line === undefined) return [];
    return new SerialLine({
      device: name,
      codec,
      source,
      parser: () => line(device),
      take: (frame, done) => take(name, frame, done),
      trouble: (reason) => trouble(name, reason),
      logger,
    });
  });
}

async function opcUaServers(parts: TransportParts): Promise<readonly Transport[]> {
  if (!parts.devices.some(({ opcua }) => opcua !== undefined)) return [];
  const { OpcUaDevices } = await import('./devices/opcua-devices.ts');
  return [new OpcUaDevices(parts)];
}
