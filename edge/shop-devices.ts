/**
 * The configured devices of the shop: their register and its watch, the desk where their frames come in, and the ways by
 * which frames come beside the two doors. The hub hands it the journal and the decoder, and asks it for what it shows.
 */
import { type FormatOf, formatsOf } from './codecs/formats.ts';
import type { HubJson } from './codecs/hub-json.ts';
import { deviceState } from './contracts/device-states.ts';
import type { DeviceConfig, OutsideBroker } from './contracts/devices.ts';
import type { SourcePosition } from './contracts/intake.ts';
import type { Kind } from './contracts/readings.ts';
import type { CountedIntake } from './counted-intake.ts';
import type { Request } from './crossing.ts';
import { DeviceDesk } from './device-desk.ts';
import { DeviceRegister } from './device-register.ts';
import { DeviceWatch } from './device-watch.ts';
import { framesIn } from './device-wiring.ts';
import type { FramesIn } from './devices/frames-in.ts';
import { FileDesk } from './file-desk.ts';
import type { DeviceFigures } from './ops/device-metrics.ts';
import type { Logger } from './ops/logging.ts';
import { type Transport, transportsOf } from './transports.ts';

export interface ShopDevicesParts {
  readonly config: {
    readonly hub: string;
    readonly timezone: string;
    readonly data_dir: string;
    readonly devices: readonly DeviceConfig[];
    readonly brokers: readonly OutsideBroker[];
  };
  readonly decoder: HubJson;
  readonly intake: CountedIntake;
  readonly request: (request: Request) => Promise<unknown>;
  readonly synced: () => boolean;
  /** Valid readings of frames of which nothing is kept. */
  readonly counted: (kind: Kind, readings: number) => void;
  readonly logger: Logger;
}

const MOST_NAMED = 5;

export class ShopDevices {
  readonly register: DeviceRegister;
  readonly desk: DeviceDesk;
  /** Topics and paths that are devices', for the doors. */
  readonly frames: FramesIn;
  readonly #parts: ShopDevicesParts;
  readonly #watch: DeviceWatch;
  #formatOf: FormatOf = () => undefined;
  #transports: readonly Transport[] = [];

  constructor(parts: ShopDevicesParts) {
    const { config, decoder, intake, request, synced, counted } = parts;
    this.#parts = parts;
    this.register = new DeviceRegister(config.devices, decoder.mask);
    this.#watch = new DeviceWatch({
      devices: config.devices,
      register: this.register,
      synced,
      tell: (devices) => request({ op: 'heard', devices }),
    });
    this.desk = new DeviceDesk({
      devices: this.#devices(),
      formatOf: (codec) => this.#formatOf(codec),
      judge: decoder.judge,
      mask: decoder.mask,
      intake,
      counted,
      register: this.register,
    });
    this.frames = framesIn(config.devices, this.desk, this.register);
  }

  /** Loads the codecs of the devices, and no others; before `start`. */
  async load(): Promise<void> {
    this.#formatOf = await formatsOf(this.#parts.config.devices.map(({ codec }) => codec));
  }

  /** Frames may come. Throws HubError CONFIG_INVALID where an entry lacks what its codec needs. */
  start(): void {
    this.desk.start();
    this.#watch.start();
  }

  /** For health: the reasons stand in the list of devices, because they may tell of paths and addresses. */
  get reasons(): readonly string[] {
    const names = this.register.troubled();
    if (names.length === 0) return [];
    const shown = names.slice(0, MOST_NAMED).join(', ') + (names.length > MOST_NAMED ? ', ...' : '');
    const devices = names.length === 1 ? 'device' : 'devices';
    return [`something is wrong with ${names.length} ${devices} (${shown}): \`store-hub devices list\` says what`];
  }

  /** For the metrics. `quiet`: names of those that say nothing any more. */
  figures(quiet: readonly string[]): DeviceFigures {
    const { strangers, tallies } = this.register;
    const silent = new Set(quiet);
    const devices = this.register.list(Date.now()).map(({ name, codec, lastSeen, trouble, error, online }) => {
      const look = { lastSeen, online, hasTrouble: trouble !== undefined, refused: error?.at };
      return { codec, state: deviceState({ ...look, isQuiet: silent.has(name) }) };
    });
    return { tallies, devices, strangers: strangers.size, strangerFrames: strangers.total };
  }

  /** Begins to fetch what does not come by itself. */
  async openTransports(): Promise<void> {
    const { config, decoder, intake, request, logger } = this.#parts;
    const devices = this.#devices();
    this.#transports = await transportsOf({
      hub: config.hub,
      devices,
      formatOf: this.#formatOf,
      brokers: config.brokers,
      dataDir: config.data_dir,
      take: (device, frame, done, position) => this.desk.take(device, frame, done, position),
      files: new FileDesk({
        devices,
        formatOf: this.#formatOf,
        judge: decoder.judge,
        check: decoder.check,
        intake,
        register: this.register,
        positionsOf: async (prefix) => (await request({ op: 'positions', prefix })) as SourcePosition[],
        forget: async (sources) => void (await request({ op: 'forget-positions', sources })),
      }),
      positionOf: async (source) => (await request({ op: 'position', source })) as string | undefined,
      trouble: (device, reason) => {
        this.register.trouble(device, Date.now(), reason);
        logger.warn({ device }, reason ?? 'it works again');
      },
      logger,
    });
    for (const transport of this.#transports) await transport.start();
  }

  /** What ends them, in order: nothing is fetched any more first; the desk last, when the doors are closed. */
  get stops(): { readonly transports: readonly (() => Promise<void> | void)[]; readonly desk: () => void } {
    return {
      transports: [() => this.#watch.stop(), ...this.#transports.map((transport) => () => transport.stop())],
      desk: () => this.desk.stop(),
    };
  }

  /** Local times of codecs are the store's. */
  #devices(): DeviceConfig[] {
    const { devices, timezone } = this.#parts.config;
    return devices.map((device) => ({ ...device, timezone }));
  }
}
