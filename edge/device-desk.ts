/**
 * Where frames of configured devices come in, whatever their transport: the device's codec translates, the hub's own
 * schemas judge, the journal takes. One frame is one unit, though it may hold readings of several kinds: all of them are
 * stored in one transaction with what notes that it was, or none is; it is kept as one dead letter when one is wrong.
 * What each device said last is shown to whoever watches it.
 */

import { createHash } from 'node:crypto';
import { maskCardData } from './contracts/card-data.ts';
import { type CodecName, type DeviceConfig, mapsPersons } from './contracts/devices.ts';
import { HubError, messageOf } from './contracts/errors.ts';
import type { Decoder, Format, Frame, NotUnderstood, Said, Understood } from './contracts/formats.ts';
import type { AcceptedReading, Intake, Part, Receipt, SourcePosition } from './contracts/intake.ts';
import { withLookAlike } from './contracts/looks-like.ts';
import type { Kind } from './contracts/readings.ts';
import type { Handshake } from './contracts/sessions.ts';
import type { DeviceRegister } from './device-register.ts';
import type { DecodedPayload } from './devices/codec.ts';
import { withoutZone } from './reader-zones.ts';

/** Under this kind the frames are dead letters that no codec understood; their device is the configured one. */
export const FRAME_KIND = 'frame';

export interface DeskParts {
  readonly devices: readonly DeviceConfig[];
  readonly formatOf: (codec: CodecName) => Format | undefined;
  /** The hub's own schemas. */
  readonly judge: (kind: Kind, device: string, readings: readonly unknown[], received: number) => DecodedPayload;
  readonly mask: (bytes: Uint8Array) => Uint8Array;
  readonly intake: Intake;
  /** Is told of valid readings that never reach the journal. */
  readonly counted?: (kind: Kind, readings: number) => void;
  /** Is told what each device said, and what was wrong with it. */
  readonly register?: Pick<DeviceRegister, 'seen' | 'refused' | 'failed' | 'hint' | 'showFrame'>;
}

/** What is noted in the transaction that stores a frame. */
interface Notes {
  readonly position?: SourcePosition | undefined;
  readonly handshake?: Handshake | undefined;
  /** It came long ago: it tells nothing of how the device is now. */
  readonly again?: boolean;
}

interface Station {
  readonly config: DeviceConfig;
  readonly format: Format;
  readonly decoder: Decoder;
  /** Its frames may name persons. */
  readonly personal: boolean;
}

interface Group {
  readonly kind: Kind;
  readonly device: string;
  readonly readings: AcceptedReading[];
  counted: number;
}

type Judged = { readonly groups: readonly Group[] } | NotUnderstood;

export class DeviceDesk {
  readonly #parts: DeskParts;
  readonly #stations = new Map<string, Station>();
  #stopped = false;

  constructor(parts: DeskParts) {
    this.#parts = parts;
  }

  /** Opens the codecs. Throws HubError CONFIG_INVALID where an entry lacks what its codec needs. */
  start(): void {
    this.#stopped = false;
    for (const [index, config] of this.#parts.devices.entries()) {
      if (config.codec === 'hub') continue;
      const format = this.#parts.formatOf(config.codec);
      if (format === undefined)
        throw new HubError('CONFIG_INVALID', `devices[${index}].codec: this version does not read ${config.codec} yet`);
      const personal = format.personal === true || mapsPersons(config);
      this.#stations.set(config.name, { config, format, decoder: opened(format, config), personal });
    }
  }

  stop(): void {
    this.#stopped = true;
    for (const { decoder } of this.#stations.values()) decoder.close?.();
    this.#stations.clear();
  }

  /** Whether it is a configured device with a codec. */
  has(device: string): boolean {
    return this.#stations.has(device);
  }

  /** Where it leaves its files. */
  folderOf(device: string): DeviceConfig['folder'] {
    return this.#stations.get(device)?.config.folder;
  }

  /** Whether its frames may name persons. */
  isPersonal(device: string): boolean {
    return this.#stations.get(device)?.personal === true;
  }

  /** Whether more frames of it may come; if not, `again` is called once, when they may. */
  hasRoom(device: string, again?: () => void): boolean {
    return this.#stations.get(device)?.decoder.hasRoom?.(again) ?? true;
  }

  /**
   * A frame of a configured device; `position`: how far its source was read with it. `done` is called once, and may be
   * called before this returns.
   */
  take(
    device: string,
    frame: Frame,
    done: (receipt: Receipt) => void,
    position?: SourcePosition,
    handshake?: Handshake,
  ): void {
    this.#decode(device, frame, done, { position, handshake });
  }

  /** A frame that was refused once. */
  retry(device: string, frame: Frame, done: (receipt: Receipt) => void): void {
    this.#decode(device, frame, done, { again: true });
  }

  #decode(device: string, frame: Frame, done: (receipt: Receipt) => void, notes: Notes): void {
    const station = this.#stations.get(device);
    if (station === undefined) {
      if (!this.#stopped) throw new Error(`no device ${device} is configured`);
      done({ outcome: 'not-stored', reason: 'the hub stops' });
      return;
    }
    const failed = (error: unknown): void =>
      this.#give(station, frame, { ok: false, reason: `its codec failed: ${messageOf(error)}` }, done, notes);
    let understood: ReturnType<Decoder['decode']>;
    try {
      understood = station.decoder.decode(frame);
    } catch (error) {
      // A frame at which a codec fails would come again and again.
      failed(error);
      return;
    }
    if ('then' in understood) understood.then((value) => this.#give(station, frame, value, done, notes), failed);
    else this.#give(station, frame, understood, done, notes);
  }

  #give(
    station: Station,
    frame: Frame,
    understood: Understood | NotUnderstood,
    done: (receipt: Receipt) => void,
    notes: Notes,
  ): void {
    if (!understood.ok && understood.later) {
      this.#parts.register?.failed(station.config.name, frame.received, understood.reason);
      done({ outcome: 'not-stored', reason: understood.reason });
      return;
    }
    const judged = understood.ok ? this.#judge(station, frame, understood.said) : understood;
    if ('reason' in judged) this.#refuse(station, frame, judged, done, notes);
    else this.#deliver(station, frame, judged.groups, understood, done, notes);
  }

  #refuse(
    { config, personal }: Station,
    frame: Frame,
    { reason: told, pointers = [] }: NotUnderstood,
    done: (receipt: Receipt) => void,
    { position, handshake, again }: Notes,
  ): void {
    const { name: device } = config;
    const { received } = frame;
    // It may quote the frame.
    const reason = maskCardData(withLookAlike(told, config.codec, frame.bytes));
    const topic = frame.topic === undefined ? undefined : maskCardData(frame.topic);
    const register = again ? undefined : this.#parts.register;
    register?.refused(device, received, reason);
    register?.showFrame(device, frame, { reason }, personal);
    const bytes = personal ? null : this.#parts.mask(frame.bytes);
    this.#parts.intake.refuse(
      { kind: FRAME_KIND, device, received, reason, pointers, bytes, topic, handshake, position },
      (receipt) => done(receipt.outcome === 'refused' ? { ...receipt, reason } : receipt),
    );
  }

  #judge({ config, personal }: Station, frame: Frame, said: readonly Said[]): Judged {
    const { received } = frame;
    let isNumbered = false;
    let isUnnumbered = false;
    const groups = new Map<string, Group>();
    for (const { kind, reading, history, device: named } of said) {
      // A name that the device gives ends in events, too.
      const device = named === undefined ? config.name : maskCardData(named);
      // Singly, so that it is known which readings are of the past.
      const decoded = this.#parts.judge(kind, device, [reading], received);
      if (!decoded.ok) return { ok: false, reason: `${kind}: ${decoded.reason}`, pointers: decoded.pointers };
      const key = `${kind} ${device}`;
      const group = groups.get(key) ?? { kind, device, readings: [], counted: 0 };
      groups.set(key, group);
      group.counted += decoded.counted;
      for (const accepted of decoded.readings) {
        group.readings.push(history ? { ...accepted, history } : accepted);
        if (accepted.identity === undefined) isUnnumbered ||= kind !== 'rfid';
        else isNumbered ||= history !== true;
      }
    }
    // The journal keeps hashes of names, from which a person could be found by trying.
    if (isNumbered && isUnnumbered && !personal) nameByFrame(config.name, frame, groups.values());
    return { groups: [...groups.values()] };
  }

  #deliver(
    { config, personal, decoder }: Station,
    frame: Frame,
    groups: readonly Group[],
    understood: Understood | NotUnderstood,
    done: (receipt: Receipt) => void,
    { position, handshake, again }: Notes,
  ): void {
    const register = again ? undefined : this.#parts.register;
    const { received } = frame;
    const parts: Part[] = [];
    let counted = 0;
    let first = true;
    for (const { kind, device, readings, counted: only } of groups) {
      counted += only;
      if (only > 0) this.#parts.counted?.(kind, only);
      if (readings.length > 0) parts.push({ kind, device, received, readings });
      const more = device === config.name && !first;
      if (device === config.name) first = false;
      const through = device === config.name ? undefined : config.name;
      register?.seen(device, received, {
        kind,
        readings,
        counted: only,
        more,
        ...(through !== undefined && { through }),
      });
    }
    // What says nothing of its own is there all the same.
    if (first) register?.seen(config.name, received, { kind: 'status', readings: [], counted: 0 });
    if (understood.ok && register !== undefined) {
      const { said, note: told } = understood;
      const hint = withoutZone(config, said);
      if (hint !== undefined) register.hint(config.name, received, hint);
      const note = hint === undefined || told === undefined ? (hint ?? told) : `${told}; ${hint}`;
      register.showFrame(config.name, frame, { said, note }, personal);
    }
    const noted = position !== undefined || handshake !== undefined;
    const [whole, ...also] = parts.length > 0 || !noted ? parts : [nothingOf(config.name, received)];
    if (whole === undefined) {
      done({ outcome: 'accepted', accepted: counted, repeated: 0 });
      return;
    }
    const delivery = { ...whole, position, handshake, also: also.length > 0 ? also : undefined };
    this.#parts.intake.deliver(delivery, (receipt) => {
      if (receipt.outcome === 'refused') register?.failed(config.name, received, 'refused by the journal');
      if (receipt.outcome === 'not-stored') {
        register?.failed(config.name, received, `not stored: ${receipt.reason}`);
        decoder.unstored?.(frame);
      }
      if (receipt.outcome !== 'accepted') done(receipt);
      else done({ outcome: 'accepted', accepted: receipt.accepted + counted, repeated: receipt.repeated });
    });
  }
}

/** Stands for a frame that leaves nothing but a note that it was taken. */
function nothingOf(device: string, received: number): Part {
  return { kind: 'status', device, received, readings: [] };
}

/**
 * What the vendor does not number beside what it does is the same when all bytes are: those of a resend. Without a number
 * in them equal frames may be two facts, such as one person after the other.
 */
function nameByFrame(device: string, { bytes, topic = '' }: Frame, groups: Iterable<Group>): void {
  const digest = createHash('sha256').update(topic).update('\0').update(bytes).digest('base64url');
  let number = 0;
  for (const { readings } of groups) {
    for (const [index, reading] of readings.entries()) {
      number += 1;
      if (reading.identity === undefined)
        readings[index] = { ...reading, identity: `${FRAME_KIND}\0${device}\0${digest}\0${number}` };
    }
  }
}

/** Whether what it sends may say that a shopper consents. */
export function mapsConsent({ mapping = {} }: DeviceConfig): boolean {
  return mapping.consent !== undefined;
}

/** Its fault says of which entry it is. */
function opened(format: Format, device: DeviceConfig): Decoder {
  try {
    return format.open(device);
  } catch (error) {
    if (error instanceof HubError) throw new HubError(error.code, `device ${device.name}: ${error.message}`);
    throw error;
  }
}
