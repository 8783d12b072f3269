/**
 * What an operator's decision rests on: what head office really holds of this hub, record by record, beside what the
 * journal and the bridge say. Only reads. The checkpoint is a claim here, the topics are the truth: after a restored or
 * mirrored Kafka the two may have fallen back to different points.
 */
import { CHECKPOINT_TOPIC, STREAMS, type Stream, topicOf } from '../../edge/contracts/streams.ts';
import { at, type Vector } from '../../edge/contracts/vector.ts';
import type { JournalReader } from '../../edge/journal/reader.ts';
import { type Checkpoint, isLater, newestOf, parseCheckpoint } from '../hq/checkpoint.ts';
import { readEvent } from '../hq/event-record.ts';
import type { CommittedRecord, PartitionEnds, PartitionReader } from '../hq/partition-reader.ts';
import type { Range } from '../hq/ranges.ts';
import { JournalComparison, type Strange } from './resume-comparison.ts';
import type { BridgeState } from './state.ts';

type MutableVector = Partial<Record<Stream, number>>;

export interface PlacedCheckpoint {
  readonly offset: number;
  readonly partition: number;
  readonly value: Checkpoint;
}

export interface Situation {
  readonly hub: string;
  /** As configured. */
  readonly partition: number;
  readonly state: BridgeState;
  readonly journal: {
    /** Oldest first; the last one is the present. */
    readonly chain: readonly string[];
    readonly heads: ReadonlyMap<string, Vector>;
    readonly acked: { readonly incarnation: string; readonly vector: Vector } | undefined;
    /** Unacknowledged events. */
    readonly waiting: number;
    /** What of these stream sequences the journal does not hold any more. */
    lacks(incarnation: string, stream: Stream, range: Range): Range | undefined;
    /** Whether it has any of these. */
    holds(incarnation: string, stream: Stream, range: Range): boolean;
  };
  readonly office: {
    /** The latest of all partitions. */
    readonly checkpoint: PlacedCheckpoint | undefined;
    /** The newest of each partition that this hub ever sent to, as far as it can be read. */
    readonly checkpoints: readonly PlacedCheckpoint[];
    /** Why the newest checkpoint record cannot be used. */
    readonly unreadable: string | undefined;
    /** Incarnations that head office has something of, oldest first. */
    readonly chain: readonly string[];
    /** The last stream sequences that are really there. */
    readonly real: ReadonlyMap<string, Vector>;
    /** How far the records of each incarnation of the journal are exactly the journal's rows. */
    readonly equal: ReadonlyMap<string, Vector>;
    /** The first few; all of them are counted. */
    readonly strange: readonly Strange[];
    readonly strangeCount: number;
  };
}

export interface SituationSources {
  readonly hub: string;
  readonly partition: number;
  readonly state: BridgeState;
  readonly journal: JournalReader;
  readonly reader: PartitionReader;
}

/** Records of one topic that are read first, from its end; then eight times as many, and so on. */
const FIRST_WINDOW = 50_000;

interface FoundCheckpoint {
  readonly partition: number;
  readonly offset: number;
  readonly value: Checkpoint | string;
}

/** Every checkpoint of this hub: one for each partition it ever sent to. */
async function checkpointsOf({ hub, reader }: SituationSources): Promise<FoundCheckpoint[]> {
  const found: FoundCheckpoint[] = [];
  for (const { partition, low, high } of await reader.ends(CHECKPOINT_TOPIC)) {
    let newest: CommittedRecord | undefined;
    await reader.read(CHECKPOINT_TOPIC, partition, low, high, (record) => {
      if (record.key === hub) newest = record;
    });
    const text = newest?.value?.toString('utf8');
    if (newest !== undefined && text !== undefined) {
      found.push({ partition, offset: newest.offset, value: parseCheckpoint(text) });
    }
  }
  return found;
}

function latest(found: readonly PlacedCheckpoint[]): PlacedCheckpoint | undefined {
  let best: PlacedCheckpoint | undefined;
  for (const one of found) if (best === undefined || isLater(one.value, best.value)) best = one;
  return best;
}

/** Reads a hub's records of one partition, newest windows first, until all that the journal can tell are compared. */
async function readTail(
  sources: SituationSources,
  stream: Stream,
  ends: PartitionEnds,
  comparison: JournalComparison,
  cut: () => void,
): Promise<void> {
  for (let window = FIRST_WINDOW; ; window *= 8) {
    const from = Math.max(ends.low, ends.high - window);
    comparison.begin(stream);
    const take = (record: CommittedRecord): void => {
      if (record.key !== sources.hub) return;
      const value = record.value?.toString('utf8') ?? '';
      const event = readEvent({ stream, ...record, value });
      comparison.record(event, value);
    };
    await sources.reader.read(topicOf(stream), ends.partition, from, ends.high, take, cut);
    if (from === ends.low || comparison.reachesFarEnough()) {
      comparison.keep();
      return;
    }
  }
}

/** What head office really has of one stream, by incarnation. */
function realOf(
  chain: readonly string[],
  seen: (incarnation: string) => number,
  claimed: (incarnation: string) => number,
  truncated: boolean,
): Map<string, number> {
  const newest = chain.findLastIndex((incarnation) => seen(incarnation) > 0);
  return new Map(
    chain.map((incarnation, index) => {
      // Nothing of this hub is left where records are deleted by age: only the checkpoint can tell.
      if (newest === -1) return [incarnation, truncated ? claimed(incarnation) : 0];
      if (index > newest) return [incarnation, 0];
      return [incarnation, index === newest ? seen(incarnation) : Math.max(seen(incarnation), claimed(incarnation))];
    }),
  );
}

function officeChain(
  checkpoint: Checkpoint | undefined,
  journal: readonly string[],
  seen: readonly string[],
): string[] {
  const chain = checkpoint?.chain.map(({ incarnation }) => incarnation) ?? [];
  const known = journal.filter((incarnation) => seen.includes(incarnation) && !chain.includes(incarnation));
  // An incarnation begins with the time of its creation: good enough to place what nobody else can place.
  const unknown = seen.filter((incarnation) => !chain.includes(incarnation) && !known.includes(incarnation)).sort();
  return [...chain, ...known, ...unknown];
}

export async function readSituation(sources: SituationSources): Promise<Situation> {
  const { hub, partition, state, journal, reader } = sources;
  const incarnations = journal.incarnations().map(({ incarnation }) => incarnation);
  const heads = new Map(incarnations.map((incarnation) => [incarnation, journal.heads(incarnation)]));
  const acked = journal.acked();

  const found = await checkpointsOf(sources);
  const checkpoints = found.flatMap(({ value, ...place }) => (typeof value === 'string' ? [] : [{ ...place, value }]));
  const checkpoint = latest(checkpoints);
  const broken = found.find(({ value }) => typeof value === 'string');
  const homes = new Set([partition, state.partition ?? partition, ...found.map((one) => one.partition)]);

  const explained = (incarnation: string, stream: Stream): number => {
    const closed = state.closed.find((one) => one.incarnation === incarnation)?.vector ?? {};
    // What another box has closed explains nothing about incarnations that this journal does not know.
    if (!heads.has(incarnation)) return at(closed, stream);
    const older = checkpoint?.value.chain.slice(0, -1).find((one) => one.incarnation === incarnation)?.last ?? {};
    return Math.max(at(closed, stream), at(older, stream));
  };
  const comparison = new JournalComparison({ journal, hub, incarnations, heads, acked, explained });
  const truncated = new Set<Stream>();
  for (const stream of STREAMS) {
    for (const ends of await reader.ends(topicOf(stream))) {
      if (!homes.has(ends.partition)) continue;
      if (ends.low > 0) truncated.add(stream);
      await readTail(sources, stream, ends, comparison, () => truncated.add(stream));
    }
  }

  const chain = officeChain(checkpoint?.value, incarnations, comparison.incarnationsSeen());
  const real = new Map<string, MutableVector>(chain.map((incarnation) => [incarnation, {}]));
  for (const stream of STREAMS) {
    const claimed = (incarnation: string): number =>
      at(checkpoint?.value.chain.find((one) => one.incarnation === incarnation)?.last ?? {}, stream);
    const seen = (incarnation: string): number => comparison.lastSeen(incarnation, stream);
    for (const [incarnation, last] of realOf(chain, seen, claimed, truncated.has(stream))) {
      const vector = real.get(incarnation);
      if (vector !== undefined && last > 0) vector[stream] = last;
    }
  }
  return {
    hub,
    partition,
    state,
    journal: {
      chain: incarnations,
      heads,
      acked,
      waiting: journal.buffer().events,
      lacks: (incarnation, stream, range) => comparison.lacks(incarnation, stream, range),
      holds: (incarnation, stream, range) => comparison.holds(incarnation, stream, range),
    },
    office: {
      checkpoint,
      checkpoints,
      unreadable:
        broken === undefined
          ? undefined
          : `${CHECKPOINT_TOPIC} partition ${broken.partition} offset ${broken.offset} ${String(broken.value)}`,
      chain,
      real,
      equal: new Map(incarnations.map((one) => [one, comparison.equal(one, real.get(one) ?? {})])),
      strange: comparison.strange,
      strangeCount: comparison.strangeCount,
    },
  };
}

/** The checkpoint's own vector, of its newest incarnation. */
export function claimOf(checkpoint: Checkpoint): { readonly incarnation: string; readonly vector: Vector } {
  const newest = newestOf(checkpoint);
  return { incarnation: newest.incarnation, vector: newest.last };
}
