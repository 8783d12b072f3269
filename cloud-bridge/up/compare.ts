/**
 * The comparison before anything is sent: what the bridge recorded, what head office holds, and what the journal says.
 * A pure function. It either knows exactly where to go on, or throws Halt: every way in which identities could be
 * used twice, or be left out, shows as a disagreement between these three.
 */
import { isHubsOwn } from '../../edge/contracts/ids.ts';
import { STREAMS } from '../../edge/contracts/streams.ts';
import { at, merge, type Standing, standing, type Vector } from '../../edge/contracts/vector.ts';
import { type Checkpoint, type ClosedIncarnation, vectorOf } from './checkpoint.ts';
import { halts } from './halt.ts';
import type { BridgeState, Position } from './state.ts';

export interface JournalView {
  readonly hub: string;
  /** Oldest first; the last one is the present. */
  readonly incarnations: readonly { readonly incarnation: string; readonly reason?: string }[];
  /** Last assigned stream sequences of the present incarnation. */
  readonly heads: Vector;
  /** What the edge was last told that head office has. */
  readonly acked: { readonly incarnation: string; readonly vector: Vector } | undefined;
  /** What the edge was told is about to be sent. */
  readonly reserved: { readonly incarnation: string; readonly vector: Vector } | undefined;
}

export interface Comparison {
  /** As configured. */
  readonly hub: string;
  readonly partition: number;
  readonly state: BridgeState;
  readonly journal: JournalView;
  /** Next offset of the checkpoint partition. */
  readonly high: number;
  /** Head office's newest checkpoint of this hub; `value` is undefined when it cannot be read. */
  readonly checkpoint: { readonly offset: number; readonly value: Checkpoint | undefined } | undefined;
}

/** Where to go on: nothing was in doubt, or what was in doubt is now known to be there or not. */
export type Verdict =
  | { readonly outcome: 'agreed' | 'aborted'; readonly position: Position | null }
  | { readonly outcome: 'committed'; readonly position: Position; readonly closed: readonly ClosedIncarnation[] };

/** What can be told without Kafka. Throws Halt. */
export function compareConfiguration(hub: string, partition: number, state: BridgeState): void {
  if (state.hub !== null && state.hub !== hub) throw halts.otherHub(state.hub, hub);
  if (state.partition !== null && state.partition !== partition) {
    throw halts.otherPartition(state.partition, partition);
  }
}

/** Throws Halt. */
export function compare(comparison: Comparison): Verdict {
  const { hub, partition, state, journal } = comparison;
  compareConfiguration(hub, partition, state);
  if (journal.hub !== hub) throw halts.otherHub(journal.hub, hub);
  const verdict = compareCheckpoint(comparison);
  assertJournalReaches(comparison, verdict.position);
  return verdict;
}

function compareCheckpoint({ state, journal, high, checkpoint }: Comparison): Verdict {
  const { position, inDoubt } = state;
  if (position && position.checkpointOffset >= high) {
    throw halts.headOfficeBehind(`its checkpoints end before offset ${position.checkpointOffset}`);
  }
  if (!checkpoint) {
    const told = journal.acked && Object.values(journal.acked.vector).some((last) => last > 0);
    if (position || told) throw halts.headOfficeBehind('it has no checkpoint of this hub');
    return { outcome: inDoubt ? 'aborted' : 'agreed', position: null };
  }
  const there = checkpoint.value;
  if (!there) throw halts.checkpointUnreadable(checkpoint.offset);
  const vector = vectorOf(there.streams);
  const isThere = (incarnation: string, expected: Vector, batch: string): boolean =>
    there.incarnation === incarnation && there.batch === batch && standing(vector, expected) === 'equal';

  if (inDoubt && isThere(inDoubt.incarnation, inDoubt.to, inDoubt.batch)) {
    const { incarnation, to, batch } = inDoubt;
    return {
      outcome: 'committed',
      position: { incarnation, acked: to, batch, checkpointOffset: checkpoint.offset },
      closed: closedOf(there),
    };
  }
  if (position && isThere(position.incarnation, position.acked, position.batch)) {
    return {
      outcome: inDoubt ? 'aborted' : 'agreed',
      position: { ...position, checkpointOffset: checkpoint.offset },
    };
  }
  if (!position && !inDoubt && wasClosedByTheHub(journal, there.incarnation)) {
    // A new box with the backup of the one before: what head office has of the closed incarnation is acknowledged.
    return {
      outcome: 'committed',
      position: {
        incarnation: there.incarnation,
        acked: vector,
        batch: there.batch,
        checkpointOffset: checkpoint.offset,
      },
      closed: closedOf(there),
    };
  }
  throw disagreement(journal, position, there.incarnation, vector);
}

/** The journal's own restore or salvage ended this incarnation: it gives out no identities of it any more. */
function wasClosedByTheHub(journal: JournalView, incarnation: string): boolean {
  const index = journal.incarnations.findIndex((entry) => entry.incarnation === incarnation);
  return index !== -1 && journal.incarnations.slice(index + 1).some(({ reason = '' }) => isHubsOwn(reason));
}

function closedOf({ closed }: Checkpoint): ClosedIncarnation[] {
  return closed.map((one) => ({ incarnation: one.incarnation, vector: vectorOf(one.streams) }));
}

/** Which disagreement it is. */
function disagreement(journal: JournalView, position: Position | null, incarnation: string, vector: Vector): Error {
  const ordinal = (name: string) => journal.incarnations.findIndex((entry) => entry.incarnation === name);
  const theirs = ordinal(incarnation);
  if (theirs === -1) return halts.unknownIncarnation(incarnation);
  if (!position) return halts.headOfficeAhead(difference(vector, {}));
  const ours = ordinal(position.incarnation);
  if (theirs > ours) return halts.headOfficeAhead(`it is at the later journal ${incarnation}`);
  if (theirs < ours) return halts.headOfficeBehind(`it is at the earlier journal ${incarnation}`);
  return byStanding[standing(vector, position.acked)](difference(vector, position.acked));
}

const byStanding: Readonly<Record<Standing, (what: string) => Error>> = {
  equal: halts.secondWriter,
  ahead: halts.headOfficeAhead,
  behind: halts.headOfficeBehind,
  mixed: halts.mixedPositions,
};

/**
 * The journal must know the position's incarnation, and in the present one, which still gives out identities, must have
 * come at least as far as head office and as what it was told. A closed incarnation may end earlier: the hub's own
 * restore and salvage bring back an older state of it and open a new one for everything that follows.
 */
function assertJournalReaches({ state, journal }: Comparison, position: Position | null): void {
  const present = journal.incarnations.at(-1)?.incarnation;
  if (position) {
    const known = journal.incarnations.some((entry) => entry.incarnation === position.incarnation);
    if (!known) throw halts.unknownIncarnation(position.incarnation);
    if (position.incarnation === present && lacks(journal.heads, position.acked)) {
      throw halts.journalRestored(difference(journal.heads, position.acked));
    }
    // Whatever was sent had been reserved in the journal before: one that does not remember it is an older copy.
    if (position.incarnation === present) {
      const { acked, reserved } = journal;
      const known = merge(
        acked?.incarnation === present ? acked.vector : {},
        reserved?.incarnation === present ? reserved.vector : {},
        'max',
      );
      if (lacks(known, position.acked)) throw halts.journalRestored(difference(known, position.acked));
    }
  }
  const { told } = state;
  if (!told || told.incarnation !== present) return;
  const remembered = journal.acked?.incarnation === present ? journal.acked.vector : {};
  // The journal may have grown past the old positions since it was put back, but it cannot know what it was told later.
  if (lacks(remembered, told.acked)) throw halts.journalRestored(difference(remembered, told.acked));
}

function lacks(vector: Vector, required: Vector): boolean {
  return STREAMS.some((stream) => at(vector, stream) < at(required, stream));
}

/** 'sales 120 instead of 180, climate 4 instead of 9'. */
function difference(vector: Vector, expected: Vector): string {
  return STREAMS.filter((stream) => at(vector, stream) !== at(expected, stream))
    .map((stream) => `${stream} ${at(vector, stream)} instead of ${at(expected, stream)}`)
    .join(', ');
}
