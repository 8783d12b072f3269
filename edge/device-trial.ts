/** What codecs make of frames that were heard: which of them fits a stranger, and what an entry would understand. */
import { type FormatOf, formatsOf } from './codecs/formats.ts';
import { HubJson } from './codecs/hub-json.ts';
import type { CodecName, DeviceConfig } from './contracts/devices.ts';
import { HubError } from './contracts/errors.ts';
import type { Decoder, Frame, NotUnderstood, Understood } from './contracts/formats.ts';
import type { Facing } from './contracts/planogram.ts';
import { antennaZones } from './reader-zones.ts';

export interface Fit {
  readonly codec: CodecName;
  /** Kinds of the readings that it made. */
  readonly kinds: readonly string[];
  readonly readings: number;
}

export interface Trial {
  readonly frames: number;
  readonly understood: number;
  /** JSON of readings, each kind once, without those of persons. */
  readonly readings: readonly string[];
  /** Why frames were refused, and what the codec left out. */
  readonly reasons: readonly string[];
  readonly notes: readonly string[];
}

/** What of the configuration judges readings. */
interface Shop {
  readonly planogram: readonly Facing[];
  readonly devices: readonly DeviceConfig[];
}

/** An expression is needed for these, so nothing can be tried without. */
const UNTRIED: ReadonlySet<CodecName> = new Set(['hub', 'mapping', 'csv']);
const PERSONAL: ReadonlySet<string> = new Set(['presence', 'consent']);
const LONGEST = 300;
const MOST_READINGS = 6;
/** Enough of an entry for every codec to read with: which place it is does not matter. */
const SOMEWHERE = { zone: 'there', shelf: 'there', line: 'there', unit: 'there', till: 'there' } as const;

/** The codecs that make readings of a stranger's frames, the one that makes most of them first. */
export async function fitting(codecs: readonly CodecName[], frames: readonly Frame[]): Promise<readonly Fit[]> {
  const tryable = frames.length === 0 ? [] : codecs.filter((codec) => !UNTRIED.has(codec));
  const formatOf = await formatsOf(tryable);
  const fits: Fit[] = [];
  for (const codec of tryable) {
    const fit = await fitOf(codec, formatOf, frames);
    if (fit !== undefined) fits.push(fit);
  }
  return fits.sort((a, b) => b.readings - a.readings);
}

async function fitOf(codec: CodecName, formatOf: FormatOf, frames: readonly Frame[]): Promise<Fit | undefined> {
  const kinds = new Set<string>();
  let readings = 0;
  const decoder = openedFor(codec, formatOf, frames);
  try {
    for (const frame of frames) {
      const answer = await decoder?.decode(frame);
      for (const { kind } of answer?.ok ? answer.said : []) {
        kinds.add(kind);
        readings += 1;
      }
    }
  } finally {
    decoder?.close?.();
  }
  return readings > 0 ? { codec, kinds: [...kinds], readings } : undefined;
}

/** Nothing where even that entry lacks something: then nobody can tell before an installer says it. */
function openedFor(codec: CodecName, formatOf: FormatOf, frames: readonly Frame[]): Decoder | undefined {
  const topic = frames[0]?.topic;
  const calibration = { celsius: 0, weight: 1, full_mm: 100, empty_mm: 1000 };
  const entry = { name: 'stranger', codec, ...SOMEWHERE, calibration, ...(topic !== undefined && { mqtt: { topic } }) };
  try {
    return formatOf(codec)?.open(entry);
  } catch (error) {
    if (error instanceof HubError) return undefined;
    throw error;
  }
}

/** What the hub would make of these frames with this entry of the configuration; codec and schemas as in the edge. */
export async function tried(device: DeviceConfig, shop: Shop, frames: readonly Frame[]): Promise<Trial> {
  const decoder = (await formatsOf([device.codec]))(device.codec)?.open(device);
  const facings = new Map(shop.planogram.map((facing) => [facing.shelf, facing]));
  const judge = new HubJson({
    facing: (shelf) => facings.get(shelf),
    dayAt: (ms) => new Date(ms).toISOString().slice(0, 10),
    zoneOf: antennaZones(shop.devices),
    conceal: (identity) => identity,
  }).judge;
  const readings = new Map<string, string>();
  const reasons = new Set<string>();
  const notes = new Set<string>();
  let understood = 0;
  for (const frame of decoder === undefined ? [] : frames) {
    const answer = (await decoder?.decode(frame)) ?? { ok: false, reason: 'no codec' };
    const fault = answer.ok ? wrongIn(answer, device, frame, judge) : answer.reason;
    if (fault !== undefined) {
      reasons.add(fault);
      continue;
    }
    understood += 1;
    noteOf(answer, device, notes, readings);
  }
  decoder?.close?.();
  return {
    frames: frames.length,
    understood,
    readings: [...readings.values()],
    reasons: [...reasons],
    notes: [...notes],
  };
}

function wrongIn(
  { said }: Understood,
  device: DeviceConfig,
  { received }: Frame,
  judge: HubJson['judge'],
): string | undefined {
  for (const { kind, reading, device: named } of said) {
    const judged = judge(kind, named ?? device.name, [reading], received);
    if (!judged.ok) return `${kind}: ${judged.reason}`;
  }
  return undefined;
}

function noteOf(
  answer: Understood | NotUnderstood,
  { antennas }: DeviceConfig,
  notes: Set<string>,
  readings: Map<string, string>,
): void {
  if (!answer.ok) return;
  if (answer.note !== undefined) notes.add(answer.note);
  for (const { kind, device: named, reading } of answer.said) {
    const { antenna } = reading;
    if (antennas !== undefined && antenna !== undefined && antennas[String(antenna)] === undefined)
      notes.add(`antenna ${antenna} has no zone: name it with --antenna ${antenna}=ZONE`);
    const key = `${kind} ${named ?? ''} ${antenna ?? ''}`;
    if (readings.has(key) || readings.size >= MOST_READINGS) continue;
    const text = JSON.stringify({ kind, ...(named !== undefined && { device: named }), ...reading });
    readings.set(key, PERSONAL.has(kind) ? `{"kind":"${kind}"} (not shown: it is about a person)` : cut(text));
  }
}

function cut(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}...` : text;
}
