/** The ways by which frames of configured devices reach the hub, one line each. */
import type { DeviceConfig, OutsideBroker } from './contracts/devices.ts';
import type { Frame } from './contracts/formats.ts';
import type { Receipt, SourcePosition } from './contracts/intake.ts';
import type { Logger } from './ops/logging.ts';

export interface Transport {
  /** Resolves soon: a device that is away is waited for in the background, and never holds up another. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface TransportParts {
  readonly devices: readonly DeviceConfig[];
  readonly brokers: readonly OutsideBroker[];
  /** Hands over a frame; the acknowledgement waits for the receipt. */
  readonly take: (device: string, frame: Frame, done: (receipt: Receipt) => void, position?: SourcePosition) => void;
  /** How far a source was read, as last committed. */
  readonly positionOf: (source: string) => Promise<string | undefined>;
  /** What is wrong with the way to a device, in a sentence for an installer; undefined: it works (again). */
  readonly trouble: (device: string, reason: string | undefined) => void;
  readonly logger: Logger;
}

/** The transports that the configuration needs; a library is loaded only when one does. */
export async function transportsOf(_parts: TransportParts): Promise<readonly Transport[]> {
  return [];
}
