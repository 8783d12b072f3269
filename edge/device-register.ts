/**
 * Every device that says anything, configured or not: when it was heard last, how much it says, its battery, what was
 * wrong with it last, and its last frames. It lives in memory and begins anew with the process. Told of every delivery,
 * so it does little with each: a look-up and a few additions. Whoever sends under many names cannot make it grow.
 */
import type { CodecName, DeviceConfig } from './contracts/devices.ts';
import type { Frame, Said } from './contracts/formats.ts';
import type { AcceptedReading } from './contracts/intake.ts';
import type { Kind } from './contracts/readings.ts';
import { FrameRing, type Mask, type RingBytes, type ShownFrame, shownBytes, shownReadings } from './device-frames.ts';
import type { FrameTally } from './ops/device-metrics.ts';
import { Strangers } from './strangers.ts';

/** What a device said, after the hub's own schemas judged it. */
export interface Heard {
  readonly kind: Kind;
  readonly readings: readonly AcceptedReading[];
  /** Valid readings of which nothing is kept. */
  readonly counted: number;
  /** It belongs to a frame that was counted already. */
  readonly more?: boolean;
  /** The entry of the configuration that speaks for this device, where it has none of its own. */
  readonly through?: string;
  /** As received, of a device that speaks the hub's own JSON. */
  readonly bytes?: Uint8Array;
}

export type News =
  | { readonly is: 'heard'; readonly what: Heard }
  | { readonly is: 'refused'; readonly reason: string }
  /** Of its transport; undefined: it works again. */
  | { readonly is: 'trouble'; readonly reason: string | undefined };

/** `now`: epoch ms. Must be quick, and must not throw: it is called within every delivery. */
export type RegisterListener = (device: string, now: number, news: News) => void;

/** One device as it is now; times in epoch ms. */
export interface DeviceView {
  readonly name: string;
  readonly configured: boolean;
  readonly codec: string;
  /** The configured device that speaks for it. */
  readonly through: string | undefined;
  /** How its bytes come, such as `mqtt zigbee2mqtt/door-3`. */
  readonly way: string;
  /** Where it stands, such as `zone entrance`. */
  readonly place: string;
  readonly lastSeen: number | undefined;
  /** Frames and readings since start, and a minute. */
  readonly frames: number;
  readonly readings: number;
  readonly framesPerMinute: number;
  readonly readingsPerMinute: number;
  readonly batteryPercent: number | undefined;
  /** By its own word. */
  readonly online: boolean | undefined;
  /** Of its transport, as long as it lasts. */
  readonly trouble: string | undefined;
  readonly error: { readonly reason: string; readonly at: number } | undefined;
  /** What its entry lacks: it works, but something of it leads to nothing. */
  readonly hint: { readonly reason: string; readonly at: number } | undefined;
}

interface Entry {
  readonly name: string;
  readonly config: DeviceConfig | undefined;
  /** Its codec's. */
  readonly tally: FrameTally;
  through: DeviceConfig | undefined;
  lastSeen: number | undefined;
  frames: number;
  readings: number;
  /** Minute of `nowFrames`, and what the minute before it had. */
  minute: number;
  nowFrames: number;
  nowReadings: number;
  beforeFrames: number;
  beforeReadings: number;
  batteryPercent: number | undefined;
  online: boolean | undefined;
  trouble: string | undefined;
  error: { reason: string; at: number } | undefined;
  hint: { reason: string; at: number } | undefined;
  ring: FrameRing | undefined;
  /** Somebody watches it until then, epoch ms. */
  watched: number;
}

const MINUTE = 60_000;
const MOST_DEVICES = 2000;
/** A device of no entry that was not heard for so long makes place for another. */
const QUIET_MS = 3_600_000;
const WATCHED_MS = 60_000;
const LONGEST_REASON = 500;

export class DeviceRegister {
  readonly #mask: Mask;
  readonly #entries = new Map<string, Entry>();
  readonly #listeners = new Set<RegisterListener>();
  readonly #rings: RingBytes = { held: 0 };
  readonly strangers: Strangers;
  readonly tallies = new Map<CodecName, FrameTally>();
  #looked = 0;
  /** Deliveries of devices that found no place. */
  others = 0;

  /** `mask`: a copy without card data and shoppers. */
  constructor(devices: readonly DeviceConfig[], mask: Mask) {
    this.#mask = mask;
    this.strangers = new Strangers(mask);
    for (const config of devices)
      this.#entries.set(config.name, newEntry(config.name, config, this.#tallyOf(config.codec)));
  }

  /** Hears of everything, at once; gives back how to stop it. */
  listen(listener: RegisterListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A device said something that is understood. `now`: receipt, epoch ms. */
  seen(device: string, now: number, what: Heard): void {
    const entry = this.#entry(device, now);
    if (entry === undefined) return;
    const readings = what.readings.length + what.counted;
    const frames = what.more === true ? 0 : 1;
    this.#count(entry, now, frames, readings);
    // A frame that speaks for others is its sender's.
    if (what.through === undefined) entry.tally.frames += frames;
    if (what.through !== undefined && entry.config === undefined)
      entry.through = this.#entries.get(what.through)?.config;
    if (what.kind === 'status') status(entry, what.readings);
    if (entry.watched > now && what.bytes !== undefined) this.#watch(entry, now, what.kind, what.bytes, what.readings);
    if (this.#listeners.size > 0) this.#tell(device, now, { is: 'heard', what });
  }

  /** What it said was refused. `bytes`: as received, of a device that speaks the hub's own JSON and of no person. */
  refused(device: string, now: number, reason: string, bytes?: Uint8Array): void {
    const entry = this.#entry(device, now);
    if (entry === undefined) return;
    this.#count(entry, now, 1, 0);
    entry.tally.frames += 1;
    entry.tally.refused += 1;
    const said = reason.slice(0, LONGEST_REASON);
    entry.error = { reason: said, at: now };
    const ring = bytes !== undefined && entry.watched > now ? this.#ring(entry) : undefined;
    if (ring?.hasRoom(now) && bytes !== undefined) {
      const raw = shownBytes(bytes, this.#mask);
      ring.push({ received: now, size: bytes.length, raw, decoded: [], reason: said });
    }
    if (this.#listeners.size > 0) this.#tell(device, now, { is: 'refused', reason });
  }

  /** What it said is understood, and could not be stored: not the device's fault, but it may be why nothing comes of it. */
  failed(device: string, now: number, reason: string): void {
    const entry = this.#entries.get(device);
    if (entry !== undefined) entry.error = { reason: reason.slice(0, LONGEST_REASON), at: now };
  }

  /** What it says is stored, but its entry lacks something. */
  hint(device: string, now: number, reason: string): void {
    const entry = this.#entries.get(device);
    if (entry !== undefined) entry.hint = { reason: reason.slice(0, LONGEST_REASON), at: now };
  }

  /** The way to a configured device is disturbed; undefined: it works again. */
  trouble(device: string, now: number, reason: string | undefined): void {
    const entry = this.#entries.get(device);
    if (entry === undefined) return;
    entry.trouble = reason;
    this.#tell(device, now, { is: 'trouble', reason });
  }

  /** Devices to which the way is disturbed now. */
  troubled(): readonly string[] {
    return [...this.#entries.values()].filter(({ trouble }) => trouble !== undefined).map(({ name }) => name);
  }

  /** A frame of a configured device with a codec, to be shown; counted by `seen` or `refused`. */
  showFrame(
    device: string,
    frame: Frame,
    told: { readonly said?: readonly Said[]; readonly note?: string | undefined; readonly reason?: string },
    personal: boolean,
  ): void {
    const entry = this.#entries.get(device);
    if (entry === undefined) return;
    const ring = this.#ring(entry);
    const { bytes, received, topic } = frame;
    if (!ring.hasRoom(received)) return;
    const { said = [], note, reason } = told;
    const shown = said.filter(({ kind }) => !aboutPersons(kind));
    ring.push({
      received,
      topic: topic === undefined ? undefined : text(this.#mask, topic),
      size: bytes.length,
      raw: personal || shown.length < said.length ? null : shownBytes(bytes, this.#mask),
      decoded: shownReadings(
        shown.map(({ kind, device: of, reading }) => ({ kind, ...(of !== undefined && { device: of }), ...reading })),
        this.#mask,
      ),
      ...(reason !== undefined && { reason: reason.slice(0, LONGEST_REASON) }),
      ...(note !== undefined && { note: note.slice(0, LONGEST_REASON) }),
    });
  }

  /** The last frames of a device, oldest first; nothing where nobody knows it. From now on its frames are kept. */
  frames(device: string, now: number, after = 0): readonly ShownFrame[] | undefined {
    const entry = this.#entries.get(device);
    if (entry === undefined) return undefined;
    entry.watched = now + WATCHED_MS;
    return this.#ring(entry).after(after);
  }

  /** Configured devices in the order of the configuration, then the others in the order in which they came. */
  list(now: number): readonly DeviceView[] {
    return [...this.#entries.values()].map((entry) => view(entry, now));
  }

  #tallyOf(codec: CodecName): FrameTally {
    const tally = this.tallies.get(codec) ?? { frames: 0, refused: 0 };
    this.tallies.set(codec, tally);
    return tally;
  }

  #entry(device: string, now: number): Entry | undefined {
    return this.#entries.get(device) ?? this.#begin(device, now);
  }

  #begin(device: string, now: number): Entry | undefined {
    if (this.#entries.size >= MOST_DEVICES && !this.#makeRoom(now)) {
      this.others += 1;
      return undefined;
    }
    const entry = newEntry(device, undefined, this.#tallyOf('hub'));
    this.#entries.set(device, entry);
    return entry;
  }

  /** At most once a second: looking costs more than a delivery. */
  #makeRoom(now: number): boolean {
    if (Math.abs(now - this.#looked) < 1000) return false;
    this.#looked = now;
    for (const entry of this.#entries.values()) {
      if (entry.config !== undefined || now - (entry.lastSeen ?? 0) < QUIET_MS) continue;
      entry.ring?.clear();
      this.#entries.delete(entry.name);
    }
    return this.#entries.size < MOST_DEVICES;
  }

  #count(entry: Entry, now: number, frames: number, readings: number): void {
    entry.lastSeen = now;
    entry.frames += frames;
    entry.readings += readings;
    const minute = Math.floor(now / MINUTE);
    if (minute !== entry.minute) turn(entry, minute);
    entry.nowFrames += frames;
    entry.nowReadings += readings;
  }

  #watch(entry: Entry, now: number, kind: Kind, bytes: Uint8Array, readings: readonly AcceptedReading[]): void {
    const ring = this.#ring(entry);
    if (aboutPersons(kind) || !ring.hasRoom(now)) return;
    const decoded = shownReadings(
      readings.map(({ body }) => `${kind} ${body}`),
      this.#mask,
    );
    ring.push({ received: now, size: bytes.length, raw: shownBytes(bytes, this.#mask), decoded });
  }

  #ring(entry: Entry): FrameRing {
    entry.ring ??= new FrameRing(this.#rings);
    return entry.ring;
  }

  #tell(device: string, now: number, news: News): void {
    for (const listener of this.#listeners) listener(device, now, news);
  }
}

function newEntry(name: string, config: DeviceConfig | undefined, tally: FrameTally): Entry {
  return {
    name,
    config,
    tally,
    through: undefined,
    ...{ lastSeen: undefined, frames: 0, readings: 0 },
    ...{ minute: 0, nowFrames: 0, nowReadings: 0, beforeFrames: 0, beforeReadings: 0 },
    ...{ batteryPercent: undefined, online: undefined, trouble: undefined, error: undefined, hint: undefined },
    ...{ ring: undefined, watched: 0 },
  };
}

function turn(entry: Entry, minute: number): void {
  const follows = minute === entry.minute + 1;
  entry.beforeFrames = follows ? entry.nowFrames : 0;
  entry.beforeReadings = follows ? entry.nowReadings : 0;
  entry.nowFrames = 0;
  entry.nowReadings = 0;
  entry.minute = minute;
}

/** A status says few things, and seldom. */
function status(entry: Entry, readings: readonly AcceptedReading[]): void {
  for (const { body } of readings) {
    const { battery_percent, online } = JSON.parse(body) as { battery_percent?: unknown; online?: unknown };
    if (typeof battery_percent === 'number') entry.batteryPercent = battery_percent;
    if (typeof online === 'boolean') entry.online = online;
  }
}

/** What nobody is shown. */
function aboutPersons(kind: Kind): boolean {
  return kind === 'presence' || kind === 'consent';
}

function text(mask: Mask, value: string): string {
  return Buffer.from(mask(Buffer.from(value.slice(0, 1024)))).toString('utf8');
}

function view(entry: Entry, now: number): DeviceView {
  const { name, config, lastSeen, frames, readings, batteryPercent, online, trouble, error, hint } = entry;
  const minute = Math.floor(now / MINUTE);
  if (minute !== entry.minute) turn(entry, minute);
  // Of the minute before, the part that is not a minute ago yet.
  const rest = 1 - (now % MINUTE) / MINUTE;
  return {
    name,
    configured: config !== undefined,
    codec: (config ?? entry.through)?.codec ?? 'hub',
    through: entry.through?.name,
    way: config !== undefined ? wayOf(config) : entry.through ? `by ${entry.through.name}` : `in/+/${name}`,
    place: config === undefined ? '' : placeOf(config),
    ...{ lastSeen, frames, readings },
    framesPerMinute: Math.round(entry.beforeFrames * rest + entry.nowFrames),
    readingsPerMinute: Math.round(entry.beforeReadings * rest + entry.nowReadings),
    ...{ batteryPercent, online, trouble, error, hint },
  };
}

function wayOf({ name, mqtt, push, folder, serial, opcua }: DeviceConfig): string {
  if (mqtt !== undefined) return `mqtt ${mqtt.broker === undefined ? '' : `${mqtt.broker}: `}${mqtt.topic}`;
  if (push) return `POST /push/${name}`;
  if (folder !== undefined) return `folder ${folder.path}`;
  if (serial !== undefined) return `serial ${serial.port}`;
  return opcua === undefined ? `in/+/${name}` : `opcua ${opcua.endpoint}`;
}

function placeOf(config: DeviceConfig): string {
  const named = (['zone', 'shelf', 'line', 'unit', 'till'] as const).flatMap((key) => {
    const value = config[key];
    return value === undefined ? [] : [`${key} ${value}`];
  });
  const zones = new Set(Object.values(config.antennas ?? {}));
  if (zones.size > 0) named.push(`antennas in ${[...zones].join(', ')}`);
  return named.join(', ');
}
