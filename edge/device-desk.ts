/**
 * Where frames of configured devices come in, whatever their transport: the device's codec translates, the hub's own
 * schemas judge, the journal takes. One frame is one unit of acknowledgement, though it may hold readings of several
 * kinds: it is accepted when all of them are on disk, and kept as one dead letter when one is wrong. What each device
 * said last is shown to whoever watches it.
 */

import type { CodecName, DeviceConfig } from './contracts/devices.ts';
import { HubError, messageOf } from './contracts/errors.ts';
import type { Decoder, Format, Frame, NotUnderstood, Said, Understood } from './contracts/formats.ts';
import type { AcceptedReading, Delivery, Intake, Receipt, SourcePosition } from './contracts/intake.ts';
import type { Kind } from './contracts/readings.ts';
import type { DecodedPayload } from './devices/codec.ts';

/** Under this kind the frames are dead letters that no codec understood; their device is the configured one. */
export const FRAME_KIND = 'frame';

export interface DeskParts {
  readonly devices: readonly DeviceConfig[];
  readonly formatOf: (codec: CodecName) => Format | undefined;
  /** The hub's own schemas. */
  readonly judge: (kind: Kind, device: string, readings: readonly unknown[], received: number) => DecodedPayload;
  readonly mask: (bytes: Uint8Array) => Uint8Array;
  readonly intake: Intake;
}

interface Station {
  readonly config: DeviceConfig;
  readonly format: Format;
  readonly decoder: Decoder;
}

type Judged = { readonly deliveries: Delivery[]; readonly counted: number } | NotUnderstood;

export class DeviceDesk {
  readonly #parts: DeskParts;
  readonly #stations = new Map<string, Station>();

  constructor(parts: DeskParts) {
    this.#parts = parts;
  }

  /** Opens the codecs. Throws HubError CONFIG_INVALID where an entry lacks what its codec needs. */
  start(): void {
    for (const [index, config] of this.#parts.devices.entries()) {
      if (config.codec === 'hub') continue;
      const format = this.#parts.formatOf(config.codec);
      if (format === undefined)
        throw new HubError('CONFIG_INVALID', `devices[${index}].codec: this version does not read ${config.codec} yet`);
      this.#stations.set(config.name, { config, format, decoder: format.open(config) });
    }
  }

  stop(): void {
    for (const { decoder } of this.#stations.values()) decoder.close?.();
    this.#stations.clear();
  }

  /** A frame of a configured device; `position`: how far its source was read with it. `done` is called once. */
  take(device: string, frame: Frame, done: (receipt: Receipt) => void, position?: SourcePosition): void {
    const station = this.#stations.get(device);
    if (station === undefined) throw new Error(`no device ${device} is configured`);
    const understood = station.decoder.decode(frame);
    if ('then' in understood) {
      understood.then(
        (value) => this.#give(station, frame, value, done, position),
        (error: unknown) => this.#give(station, frame, { ok: false, reason: messageOf(error) }, done, position),
      );
    } else this.#give(station, frame, understood, done, position);
  }

  #give(
    { config, format }: Station,
    frame: Frame,
    understood: Understood | NotUnderstood,
    done: (receipt: Receipt) => void,
    position: SourcePosition | undefined,
  ): void {
    const judged = understood.ok ? this.#judge(config, frame, understood.said) : understood;
    if ('reason' in judged) {
      const { reason, pointers = [] } = judged;
      const bytes = format.personal ? null : this.#parts.mask(frame.bytes);
      const letter = { kind: FRAME_KIND, device: config.name, received: frame.received, reason, pointers, bytes };
      this.#parts.intake.refuse(letter, done);
      return;
    }
    const { deliveries, counted } = judged;
    if (position !== undefined) {
      const { received } = frame;
      const last = deliveries.pop() ?? { kind: 'status', device: config.name, received, readings: [] };
      deliveries.push({ ...last, position });
    }
    this.#deliver(deliveries, counted, done);
  }

  #judge(config: DeviceConfig, { received }: Frame, said: readonly Said[]): Judged {
    const groups = new Map<string, Said[]>();
    for (const one of said) {
      const key = `${one.kind} ${one.device ?? config.name}`;
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [one]);
      else group.push(one);
    }
    const deliveries: Delivery[] = [];
    let counted = 0;
    for (const group of groups.values()) {
      const [first] = group;
      if (first === undefined) continue;
      const { kind, device = config.name } = first;
      // Singly, so that it is known which readings are of the past.
      const readings: AcceptedReading[] = [];
      for (const { reading, history } of group) {
        const decoded = this.#parts.judge(kind, device, [reading], received);
        if (!decoded.ok) return { ok: false, reason: `${kind}: ${decoded.reason}`, pointers: decoded.pointers };
        counted += decoded.counted;
        for (const accepted of decoded.readings) readings.push(history ? { ...accepted, history } : accepted);
      }
      if (readings.length > 0) deliveries.push({ kind, device, received, readings });
    }
    return { deliveries, counted };
  }

  /** One receipt for all: what was not stored comes again, and is told from what was by its ids. */
  #deliver(deliveries: readonly Delivery[], counted: number, done: (receipt: Receipt) => void): void {
    let left = deliveries.length;
    let accepted = counted;
    let repeated = 0;
    let worse: Receipt | undefined;
    if (left === 0) {
      done({ outcome: 'accepted', accepted, repeated });
      return;
    }
    for (const delivery of deliveries) {
      this.#parts.intake.deliver(delivery, (receipt) => {
        if (receipt.outcome === 'accepted') {
          accepted += receipt.accepted;
          repeated += receipt.repeated;
        } else worse = receipt;
        left -= 1;
        if (left === 0) done(worse ?? { outcome: 'accepted', accepted, repeated });
      });
    }
  }
}
