/**
 * The proof that head office has every event of a hub once. Pure: records come in one by one, in the order of their
 * partition, memory is a few ranges per stream and one bit per event. What is proven, for each hub, incarnation and
 * stream: from the oldest retained record on, stream sequences ascend without repetition and without a hole that no
 * drop record explains, and they end exactly where the checkpoint says.
 *
 * While a bridge is sending, events and checkpoint cannot be read at one instant. So the checkpoint is taken before and
 * after the events: the events must reach at least the first and go at most as far as the second.
 */
import { STREAMS, type Stream, topicOf } from '../../edge/contracts/streams.ts';
import { at } from '../../edge/contracts/vector.ts';
import { type Checkpoint, isLater } from './checkpoint.ts';
import { type EventIdentity, type EventRecord, placeOf, readEvent } from './event-record.ts';
import { countOf, joined, missingFrom, type Range, Runs, SeenNumbers } from './ranges.ts';

/** Stream sequences of one stream; null where there is none. */
export interface StreamReport {
  /** Oldest retained record, and the newest. */
  readonly first: number | null;
  readonly last: number | null;
  /** Where the checkpoint says that the stream ends. */
  readonly checkpoint: number | null;
  /** Events between the first and the checkpoint that were dropped on purpose. */
  readonly dropped: number;
  /** Events that are missing and that no drop record names. */
  readonly gaps: number;
  /** Events that are there again. */
  readonly duplicates: number;
}

export interface HubReport {
  readonly hub: string;
  readonly incarnation: string;
  readonly streams: Partial<Record<Stream, StreamReport>>;
}

export interface VerifyReport {
  readonly ok: boolean;
  /** One entry per hub and incarnation, older incarnations first. */
  readonly hubs: readonly HubReport[];
  /** How many event records were read. */
  readonly records: number;
  /** Number of faults, and the first as a sentence. */
  readonly faults: number;
  readonly fault?: string;
}

class StreamProof {
  readonly runs = new Map<number, Runs>();
  lastSequence = new Map<number, number>();
  duplicates = 0;
}

class IncarnationProof {
  readonly streams = new Map<Stream, StreamProof>();
  readonly drops = new Map<Stream, Range[]>();
  readonly sequences = new SeenNumbers();
}

interface HubProof {
  readonly incarnations: Map<string, IncarnationProof>;
  /** Which incarnation is being written, by stream and partition. */
  readonly writing: Map<string, string>;
  before: Checkpoint | undefined;
  after: Checkpoint | undefined;
}

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}

function rangesText(ranges: readonly Range[]): string {
  const shown = ranges.slice(0, 3).map(({ from, to }) => (from === to ? String(from) : `${from}-${to}`));
  return shown.join(', ') + (ranges.length > 3 ? ' and more' : '');
}

export class Completeness {
  readonly #hubs = new Map<string, HubProof>();
  #records = 0;
  #faults = 0;
  #first: string | undefined;

  /** Notes something that is wrong; the first one becomes the report's `fault`. */
  fault(sentence: string): void {
    this.#first ??= sentence;
    this.#faults += 1;
  }

  /** A hub's checkpoint, read before or after its events; of several the latest counts. */
  checkpoint(when: 'before' | 'after', checkpoint: Checkpoint): void {
    const proof = this.#hub(checkpoint.hub);
    const known = proof[when];
    if (known === undefined || isLater(checkpoint, known)) proof[when] = checkpoint;
  }

  event(record: EventRecord): void {
    this.#records += 1;
    const event = readEvent(record);
    if (typeof event === 'string') {
      this.fault(`The record in ${placeOf(record)} ${event}.`);
      return;
    }
    const hub = this.#hub(event.hub);
    const incarnation = entry(hub.incarnations, event.incarnation, () => new IncarnationProof());
    this.#order(hub, incarnation, event, record);
    this.#place(incarnation, event, record);
    if (event.drop !== undefined) this.#drop(hub, event.drop);
  }

  /** Everything that was read of this partition so far has been deleted by age since: what is left begins later. */
  cut(stream: Stream, partition: number): void {
    for (const { incarnations } of this.#hubs.values()) {
      for (const { streams } of incarnations.values()) streams.get(stream)?.runs.delete(partition);
    }
  }

  /** `truncated`: whether head office has deleted records there by age, so that a hub's whole stream may be gone. */
  report(truncated: (hub: string, stream: Stream) => boolean): VerifyReport {
    const hubs: HubReport[] = [];
    for (const [hub, proof] of [...this.#hubs].sort(([a], [b]) => (a < b ? -1 : 1))) {
      for (const name of this.#incarnationsOf(hub, proof)) {
        const streams: Partial<Record<Stream, StreamReport>> = {};
        for (const stream of STREAMS) {
          const report = this.#stream(hub, name, proof, stream, truncated(hub, stream));
          if (report !== undefined) streams[stream] = report;
        }
        hubs.push({ hub, incarnation: name, streams });
      }
    }
    const found = { ok: this.#faults === 0, hubs, records: this.#records, faults: this.#faults };
    return this.#first === undefined ? found : { ...found, fault: this.#first };
  }

  #hub(hub: string): HubProof {
    return entry(this.#hubs, hub, () => ({
      incarnations: new Map(),
      writing: new Map(),
      before: undefined,
      after: undefined,
    }));
  }

  /** An incarnation is over in a stream once a later one has begun there. */
  #order(hub: HubProof, incarnation: IncarnationProof, event: EventIdentity, record: EventRecord): void {
    const where = `${record.stream}/${record.partition}`;
    const writing = hub.writing.get(where);
    if (writing === event.incarnation) return;
    hub.writing.set(where, event.incarnation);
    if (writing !== undefined && incarnation.streams.get(record.stream)?.runs.has(record.partition) === true) {
      this.fault(`${this.#name(event, record)} comes after events of incarnation ${writing} (${placeOf(record)}).`);
    }
  }

  #place(incarnation: IncarnationProof, event: EventIdentity, record: EventRecord): void {
    const proof = entry(incarnation.streams, record.stream, () => new StreamProof());
    const outcome = entry(proof.runs, record.partition, () => new Runs()).add(event.streamSequence);
    if (outcome === 'again') {
      proof.duplicates += 1;
      this.fault(`${this.#name(event, record)} is there twice (again in ${placeOf(record)}).`);
      return;
    }
    if (!incarnation.sequences.add(event.sequence)) {
      this.fault(
        `${this.#name(event, record)} has sequence ${event.sequence}, as another event has (${placeOf(record)}).`,
      );
    }
    const before = proof.lastSequence.get(record.partition) ?? 0;
    if (outcome === 'late') {
      this.fault(`${this.#name(event, record)} comes after a later one of its stream (${placeOf(record)}).`);
    } else if (event.sequence < before) {
      this.fault(`${this.#name(event, record)} has a sequence below the one before it (${placeOf(record)}).`);
    }
    proof.lastSequence.set(record.partition, Math.max(before, event.sequence));
  }

  #name(event: EventIdentity, record: EventRecord): string {
    return `Event ${event.streamSequence} of ${event.hub} ${event.incarnation} ${record.stream}`;
  }

  #drop(hub: HubProof, drop: NonNullable<EventIdentity['drop']>): void {
    const stream = STREAMS.find((known) => known === drop.stream);
    if (stream === undefined) return;
    const incarnation = entry(hub.incarnations, drop.incarnation, () => new IncarnationProof());
    entry(incarnation.drops, stream, () => []).push({ from: drop.from, to: drop.to });
  }

  /** In the order of the checkpoint's chain; those that no checkpoint names, a fault, come last. */
  #incarnationsOf(hub: string, proof: HubProof): string[] {
    const latest = proof.after ?? proof.before;
    if (latest === undefined) {
      this.fault(`Head office has events of ${hub} and no checkpoint.`);
      return [...proof.incarnations.keys()];
    }
    const chain = latest.chain.map(({ incarnation }) => incarnation);
    const strangers = [...proof.incarnations.keys()].filter((incarnation) => !chain.includes(incarnation));
    for (const stranger of strangers) {
      this.fault(`Head office has events of ${hub} ${stranger}, which its checkpoint does not name.`);
    }
    return [...chain, ...strangers];
  }

  #stream(hub: string, name: string, proof: HubProof, stream: Stream, truncated: boolean): StreamReport | undefined {
    const incarnation = proof.incarnations.get(name);
    const found = incarnation?.streams.get(stream);
    const before = proof.before?.chain.find((positions) => positions.incarnation === name);
    const after = proof.after?.chain.find((positions) => positions.incarnation === name) ?? before;
    const atLeast = at(before?.last ?? {}, stream);
    const atMost = Math.max(atLeast, at(after?.last ?? {}, stream));
    const partitions = [...(found?.runs.values() ?? [])].map(({ ranges }) => joined(ranges));
    const present = joined(partitions.flat());
    const first = present[0]?.from ?? null;
    const last = present.at(-1)?.to ?? null;
    if (first === null && atMost === 0) return undefined;

    const overlap = countOf(partitions.flat()) - countOf(present);
    const what = `${hub} ${name} ${stream}`;
    if (overlap > 0) this.fault(`${overlap} events of ${what} are there in two partitions of ${topicOf(stream)}.`);
    const named = after !== undefined;
    if (named && last !== null && last > atMost) {
      this.fault(`Events of ${what} go on to ${last}, beyond the checkpoint's ${atMost}.`);
    }
    const drops = [
      ...(incarnation?.drops.get(stream) ?? []),
      ...(before?.dropped.get(stream) ?? []),
      ...(after?.dropped.get(stream) ?? []),
    ];
    // With nothing left of a stream that head office deletes from by age, there is nothing to prove.
    const whole = { from: first ?? (truncated ? atLeast + 1 : 1), to: Math.max(last ?? 0, atLeast) };
    const missing = missingFrom(whole, [...present, ...drops]);
    const tail = missing.at(-1);
    if (tail !== undefined && tail.to === atLeast && (last === null || tail.from > last)) {
      this.fault(`Events of ${what} end at ${tail.from - 1}, the checkpoint says ${atLeast}.`);
    } else if (missing.length > 0) {
      this.fault(
        `Events ${rangesText(missing)} of ${what} are missing in ${topicOf(stream)} and no drop record names them.`,
      );
    }
    return {
      first,
      last,
      checkpoint: named ? Math.min(Math.max(last ?? atLeast, atLeast), atMost) : null,
      dropped: countOf(missingFrom(whole, present)) - countOf(missing),
      gaps: countOf(missing),
      duplicates: (found?.duplicates ?? 0) + overlap,
    };
  }
}
