/**
 * What each way of resuming would do in a situation, or why it must not be done. Pure: nothing is read or written here.
 * A refusal is a sentence for the operator; a plan says everything that carrying it out needs.
 */
import { STREAMS, type Stream } from '../../edge/contracts/streams.ts';
import { at, merge, standing, type Vector } from '../../edge/contracts/vector.ts';
import type { Checkpoint } from '../hq/checkpoint.ts';
import type { Range } from '../hq/ranges.ts';
import type { ClosedIncarnation } from './checkpoint.ts';
import { claimOf, type Situation } from './resume-situation.ts';
import { rangeText, strangeText, vectorText } from './resume-words.ts';

export interface Refused {
  readonly refused: string;
}

/** Where sending goes on. `says` are the sentences about what is done. */
export interface RefillPlan {
  readonly incarnation: string;
  readonly acked: Vector;
  readonly closed: readonly ClosedIncarnation[];
  readonly says: readonly string[];
}

export interface NewIncarnationPlan {
  /** Of the present incarnation: these rows are at head office as they are. */
  readonly acked: Vector;
  readonly closed: readonly ClosedIncarnation[];
  readonly says: readonly string[];
}

export interface RepartitionPlan {
  readonly says: readonly string[];
}

export function isRefused(value: object): value is Refused {
  return 'refused' in value;
}

/** Up to where head office should have an incarnation, as far as this box was ever told. */
interface Expected {
  readonly incarnation: string;
  readonly least: Vector;
  readonly most: Vector;
}

/** Every incarnation that head office should have something of, oldest first. */
function expectations({ state, journal }: Situation): Expected[] {
  const position = state.position ?? (journal.acked && { ...journal.acked, acked: journal.acked.vector });
  if (!position) return [];
  const index = journal.chain.indexOf(position.incarnation);
  const before = journal.chain.slice(0, Math.max(0, index)).map((incarnation) => {
    const closed = state.closed.find((one) => one.incarnation === incarnation)?.vector;
    const complete = closed ?? journal.heads.get(incarnation) ?? {};
    return { incarnation, least: complete, most: complete };
  });
  const { inDoubt } = state;
  const most =
    inDoubt?.incarnation === position.incarnation ? merge(position.acked, inDoubt.to, 'max') : position.acked;
  return [...before, { incarnation: position.incarnation, least: position.acked, most }];
}

function streamsBeyond(vector: Vector, limit: Vector): Stream[] {
  return STREAMS.filter((stream) => at(vector, stream) > at(limit, stream));
}

function closedBefore({ office }: Situation, incarnation: string): ClosedIncarnation[] {
  const index = office.chain.indexOf(incarnation);
  const older = index === -1 ? office.chain : office.chain.slice(0, index);
  return older.map((one) => ({ incarnation: one, vector: office.real.get(one) ?? {} }));
}

/** What was lost at head office and is not in the journal any more. */
function lostRanges(situation: Situation, expected: readonly Expected[]): string[] {
  const lost: string[] = [];
  for (const { incarnation, least } of expected) {
    const real = situation.office.real.get(incarnation) ?? {};
    for (const stream of STREAMS) {
      const wanted: Range = { from: at(real, stream) + 1, to: at(least, stream) };
      const range = situation.journal.lacks(incarnation, stream, wanted);
      if (range !== undefined) lost.push(`${stream} ${rangeText(range)} of ${incarnation}`);
    }
  }
  return lost;
}

const USE_NEW = 'use --new-incarnation instead';

/** Going on in another partition is a decision of its own. */
function elsewhere({ state, partition }: Situation): Refused | undefined {
  if (state.partition === null || state.partition === partition) return undefined;
  return {
    refused: `this box has sent to partition ${state.partition} and the configuration says ${partition}: set \`cloud.partition\` back to ${state.partition}, or use --repartition`,
  };
}

export function planRefill(situation: Situation): RefillPlan | Refused {
  const moved = elsewhere(situation);
  if (moved !== undefined) return moved;
  const { office, journal, state } = situation;
  const known = new Set([...journal.chain, ...state.closed.map(({ incarnation }) => incarnation)]);
  const unknown = office.chain.find((one) => !known.has(one));
  if (unknown !== undefined) {
    return {
      refused: `head office holds events of incarnation ${unknown}, which this journal does not know: ${USE_NEW}`,
    };
  }
  const expected = expectations(situation);
  const newest = expected.at(-1);
  if (newest === undefined)
    return { refused: 'this box never heard that head office has anything of it: nothing can have been lost' };
  const [strange] = office.strange;
  if (strange !== undefined) return { refused: `${strangeText(strange, office.strangeCount)}: ${USE_NEW}` };

  for (const { incarnation, most } of expected) {
    const beyond = streamsBeyond(office.real.get(incarnation) ?? {}, most);
    if (beyond.length > 0) {
      return {
        refused: `head office is not behind but ahead of what this box knows to have sent, in ${beyond.join(', ')}: ${USE_NEW}`,
      };
    }
  }
  const later = journal.chain.slice(journal.chain.indexOf(newest.incarnation) + 1);
  const ahead = later.find((one) => STREAMS.some((stream) => at(office.real.get(one) ?? {}, stream) > 0));
  if (ahead !== undefined) return { refused: `head office is ahead: it holds events of ${ahead}: ${USE_NEW}` };

  const behind = expected.findIndex(
    ({ incarnation, least }) => streamsBeyond(least, office.real.get(incarnation) ?? {}).length > 0,
  );
  if (behind === -1 && claimHolds(situation, newest)) {
    return { refused: 'head office is not behind: it has everything that this box knows to have sent' };
  }
  const target = expected[behind] ?? newest;
  const after = expected.slice(expected.indexOf(target) + 1);
  const uneven = after.find(({ incarnation }) =>
    STREAMS.some((stream) => at(office.real.get(incarnation) ?? {}, stream) > 0),
  );
  if (uneven !== undefined) {
    return {
      refused: `head office lost events of ${target.incarnation} but still holds some of the later ${uneven.incarnation}: filling up would break the order; ${USE_NEW}`,
    };
  }
  const lost = lostRanges(situation, [target, ...after]);
  if (lost.length > 0) {
    return {
      refused: `head office lost events that this journal has pruned already: ${lost.join('; ')}. They cannot be filled up`,
    };
  }
  const acked = office.real.get(target.incarnation) ?? {};
  return {
    incarnation: target.incarnation,
    acked,
    closed: closedBefore(situation, target.incarnation),
    says: [
      `Head office really has ${vectorText(acked)} of ${target.incarnation}; this box knew of ${vectorText(target.least)}.`,
      'Everything after that is sent again, under the same identities.',
    ],
  };
}

/** Whether the checkpoint at head office says what this box recorded. */
function claimHolds({ office, state }: Situation, newest: Expected): boolean {
  if (office.unreadable !== undefined || office.checkpoint === undefined) return false;
  const claim = claimOf(office.checkpoint.value);
  if (claim.incarnation !== newest.incarnation || standing(claim.vector, newest.least) === 'behind') return false;
  return state.position === null || office.checkpoint.offset >= state.position.checkpointOffset;
}

/**
 * Rows of an older incarnation that head office does not have as they are. Only what was compared record by record
 * counts: where the journal was put back from a copy, other events may lie there under the same identities.
 */
function unsentOf({ office, journal }: Situation, incarnation: string): Refused | undefined {
  const heads = journal.heads.get(incarnation) ?? {};
  const equal = office.equal.get(incarnation) ?? {};
  const real = office.real.get(incarnation) ?? {};
  const unproven = STREAMS.flatMap((stream) => {
    const range = { from: at(equal, stream) + 1, to: at(heads, stream) };
    const isGone = !journal.holds(incarnation, stream, range);
    return isGone ? [] : [{ stream, range, isClaimed: at(real, stream) >= range.from }];
  });
  if (unproven.length === 0) return undefined;
  const text = unproven.map(({ stream, range }) => `${stream} ${rangeText(range)}`).join('; ');
  if (!unproven.some(({ isClaimed }) => isClaimed)) {
    return {
      refused: `the journal still holds unsent events of the older incarnation ${incarnation} (${text}): they must go up first`,
    };
  }
  return {
    refused: `the journal holds events of the older incarnation ${incarnation} (${text}) of which head office has other records, or none that could be compared: they can neither count as acknowledged nor be sent under their identities. Keep them with \`store-hub journal export\` before this box gets an empty data folder and a new journal`,
  };
}

export function planNewIncarnation(situation: Situation): NewIncarnationPlan | Refused {
  const moved = elsewhere(situation);
  if (moved !== undefined) return moved;
  const { office, journal } = situation;
  const present = journal.chain.at(-1) ?? '';
  const first = Math.max(0, journal.chain.indexOf(journal.acked?.incarnation ?? present));
  for (const incarnation of journal.chain.slice(first, -1)) {
    const refused = unsentOf(situation, incarnation);
    if (refused !== undefined) return refused;
  }
  const equal = office.equal.get(present) ?? {};
  const heads = journal.heads.get(present) ?? {};
  const moving = STREAMS.filter((stream) => at(heads, stream) > at(equal, stream));
  const says = [
    `Of ${present} head office holds the journal's own events up to ${vectorText(equal)}: these count as acknowledged.`,
    moving.length === 0
      ? 'A new incarnation begins; no waiting event changes its identity.'
      : `A new incarnation begins, and these events get identities of it: ${moving.map((stream) => `${stream} ${rangeText({ from: at(equal, stream) + 1, to: at(heads, stream) })}`).join('; ')}.`,
  ];
  const expected = expectations(situation).filter(({ incarnation }) => incarnation === present);
  const lost = lostRanges(situation, expected);
  if (lost.length > 0) says.push(`Neither head office nor the journal holds these any more: ${lost.join('; ')}.`);
  const closed = office.chain.map((incarnation) => ({ incarnation, vector: office.real.get(incarnation) ?? {} }));
  return { acked: equal, closed, says };
}

export function planRepartition(situation: Situation): RepartitionPlan | Refused {
  const { state, partition, office, journal } = situation;
  if (state.partition === null || state.position === null) {
    return { refused: 'nothing was sent yet: `cloud.partition` may simply be set' };
  }
  if (state.partition === partition) {
    return { refused: `this hub sends to partition ${partition} already, and so says the configuration` };
  }
  // What waits has not been sent to anywhere, so it may go to the new partition, after all that lies in the old one.
  // Only of a batch in doubt it is not known where it lies.
  if (state.inDoubt !== null) {
    return {
      refused: `a batch is in doubt: set \`cloud.partition\` back to ${state.partition} and let the bridge find out first`,
    };
  }
  const { incarnation, acked, batch } = state.position;
  const says = (checkpoint: Checkpoint | undefined): boolean => {
    const claim = checkpoint && claimOf(checkpoint);
    return claim?.incarnation === incarnation && standing(claim.vector, acked) === 'equal';
  };
  const recorded = office.checkpoints.find((one) => one.partition === state.partition)?.value;
  // The latest of all may be the new partition's, of a move that was interrupted: it says the same then, as another batch.
  if (!(recorded?.batch === batch && says(recorded) && says(office.checkpoint?.value)))
    return { refused: 'head office and this box do not agree on what was sent; see --dry-run with the old partition' };
  return {
    says: [
      `Sent so far: ${vectorText(state.position.acked)} of ${state.position.incarnation} lie in partition ${state.partition}.`,
      `All that follows goes to partition ${partition}${journal.waiting > 0 ? `, beginning with the ${journal.waiting} events that wait` : ''}. Readers that want them in order read partition ${state.partition} to its end first.`,
    ],
  };
}
