import { describe, expect, test } from 'vitest';
import type { Vector } from '../../edge/contracts/vector.ts';
import { type Checkpoint, parseCheckpoint } from '../hq/checkpoint.ts';
import { checkpointText } from './checkpoint.ts';
import { planNewIncarnation, planRefill, planRepartition } from './resume-plans.ts';
import type { Situation } from './resume-situation.ts';
import { type BridgeState, FRESH_STATE } from './state.ts';

const A = '1m7w2y7m0aaaa';
const B = '1m7w2y7m0bbbb';
const BATCH = 'ab'.repeat(16);

interface Claim {
  readonly incarnation: string;
  readonly vector: Vector;
  readonly batch?: string;
}

function checkpoint(claim: Claim): Checkpoint {
  const value = parseCheckpoint(checkpointText({ hub: 'store-1', batch: BATCH, time: 0, closed: [], ...claim }));
  if (typeof value === 'string') throw new Error(value);
  return value;
}

interface Given {
  readonly state?: Partial<BridgeState>;
  readonly chain?: readonly string[];
  readonly heads?: Readonly<Record<string, Vector>>;
  readonly acked?: Situation['journal']['acked'] | null;
  readonly waiting?: number;
  /** Oldest row that the journal still holds, in every stream. */
  readonly heldFrom?: number;
  readonly real?: Readonly<Record<string, Vector>>;
  readonly equal?: Readonly<Record<string, Vector>>;
  readonly claim?: Claim | null;
  /** In partition 5, beside the claim in partition 3. */
  readonly claimElsewhere?: Claim;
  readonly strange?: Situation['office']['strange'];
  readonly partition?: number;
}

const sent: Partial<BridgeState> = {
  hub: 'store-1',
  partition: 3,
  position: { incarnation: A, acked: { sales: 100, climate: 10 }, batch: BATCH, checkpointOffset: 7 },
};

/** A box that sent sales 100 and climate 10 of A, and everything is well, but for what is given. */
function situation(given: Given): Situation {
  const { chain = [A], heads = { [A]: { sales: 120, climate: 10 } }, heldFrom = 1 } = given;
  const real = given.real ?? { [A]: { sales: 100, climate: 10 } };
  const claim = given.claim === undefined ? { incarnation: A, vector: { sales: 100, climate: 10 } } : given.claim;
  const here = claim ? [{ offset: 7, partition: 3, value: checkpoint(claim) }] : [];
  const { claimElsewhere } = given;
  const there = claimElsewhere ? [{ offset: 0, partition: 5, value: checkpoint(claimElsewhere) }] : [];
  return {
    hub: 'store-1',
    partition: given.partition ?? 3,
    state: { ...FRESH_STATE, ...sent, ...given.state },
    journal: {
      chain,
      heads: new Map(Object.entries(heads)),
      acked:
        given.acked === undefined
          ? { incarnation: A, vector: { sales: 100, climate: 10 } }
          : (given.acked ?? undefined),
      waiting: given.waiting ?? 0,
      lacks: (_incarnation, _stream, { from, to }) =>
        from <= to && from < heldFrom ? { from, to: Math.min(to, heldFrom - 1) } : undefined,
      holds: (_incarnation, _stream, { from, to }) => from <= to && to >= heldFrom,
    },
    office: {
      checkpoint: there[0] ?? here[0],
      checkpoints: [...here, ...there],
      unreadable: undefined,
      chain: Object.keys(real),
      real: new Map(Object.entries(real)),
      equal: new Map(Object.entries(given.equal ?? { [A]: { sales: 100, climate: 10 } })),
      strange: given.strange ?? [],
      strangeCount: given.strange?.length ?? 0,
    },
  };
}

describe('a refill', () => {
  test('goes on after what is really there, whatever the checkpoint claims', () => {
    expect(planRefill(situation({ real: { [A]: { sales: 60, climate: 10 } } }))).toMatchObject({
      incarnation: A,
      acked: { sales: 60, climate: 10 },
      closed: [],
    });
  });

  test('is for a lost checkpoint, too', () => {
    expect(planRefill(situation({ claim: null }))).toMatchObject({ acked: { sales: 100, climate: 10 } });
  });

  test('goes back to an older incarnation that fell back, if nothing later is there', () => {
    const position = { incarnation: B, acked: { sales: 4 }, batch: BATCH, checkpointOffset: 9 };
    const state = { position, closed: [{ incarnation: A, vector: { sales: 100 } }] };
    const both = { chain: [A, B], heads: { [A]: { sales: 100 }, [B]: { sales: 9 } }, state };
    expect(planRefill(situation({ ...both, real: { [A]: { sales: 70 } } }))).toMatchObject({
      incarnation: A,
      acked: { sales: 70 },
    });
    expect(planRefill(situation({ ...both, real: { [A]: { sales: 100 } } }))).toMatchObject({
      incarnation: B,
      acked: {},
      closed: [{ incarnation: A, vector: { sales: 100 } }],
    });
    expect(planRefill(situation({ ...both, real: { [A]: { sales: 70 }, [B]: { sales: 2 } } }))).toMatchObject({
      refused: expect.stringContaining('would break the order'),
    });
  });

  test('may find part of what was in doubt', () => {
    const inDoubt = { incarnation: A, from: { sales: 100 }, to: { sales: 120, climate: 10 }, batch: BATCH };
    const found = { [A]: { sales: 115, climate: 2 } };
    expect(planRefill(situation({ state: { inDoubt }, real: found }))).toMatchObject({ acked: found[A] });
  });

  test.each<[string, Given, string]>([
    ['nothing fell back', {}, 'not behind'],
    [
      'nothing was ever sent',
      { state: { position: null }, acked: null, real: {}, claim: null },
      'nothing can have been lost',
    ],
    [
      'head office is ahead',
      { real: { [A]: { sales: 101, climate: 10 } } },
      'ahead of what this box knows to have sent, in sales',
    ],
    ['head office is ahead and behind', { real: { [A]: { sales: 101, climate: 1 } } }, 'ahead'],
    [
      'head office knows another journal',
      { real: { [A]: { sales: 50 }, [B]: { sales: 1 } } },
      `incarnation ${B}, which this journal does not know`,
    ],
    [
      'a record differs',
      {
        real: { [A]: { sales: 60 } },
        strange: [{ incarnation: A, stream: 'sales', streamSequence: 55, why: 'other-content' }],
      },
      `holds event 55 of sales (${A}), which the journal has with other content`,
    ],
    [
      'rows are gone',
      { real: { [A]: { sales: 60, climate: 10 } }, heldFrom: 81 },
      `lost events that this journal has pruned already: sales 61-80 of ${A}`,
    ],
    [
      'the configuration names another partition',
      { real: { [A]: { sales: 60, climate: 10 } }, partition: 5 },
      'set `cloud.partition` back to 3, or use --repartition',
    ],
  ])('is refused when %s', (_, given, sentence) => {
    expect(planRefill(situation(given))).toMatchObject({ refused: expect.stringContaining(sentence) });
  });
});

describe('a new incarnation', () => {
  test('takes over what head office does not hold as it is here, and closes what is there', () => {
    const real = { [A]: { sales: 130, climate: 10 } };
    expect(planNewIncarnation(situation({ real, equal: { [A]: { sales: 105, climate: 10 } } }))).toMatchObject({
      acked: { sales: 105, climate: 10 },
      closed: [{ incarnation: A, vector: { sales: 130, climate: 10 } }],
      says: [expect.stringContaining('sales 105'), expect.stringContaining('sales 106-120')],
    });
  });

  test('says what neither side has any more', () => {
    const plan = planNewIncarnation(situation({ real: {}, equal: {}, heldFrom: 101 }));
    expect(plan).toMatchObject({ says: expect.arrayContaining([expect.stringContaining(`sales 1-100 of ${A}`)]) });
  });

  test('is refused while the configuration names another partition', () => {
    expect(planNewIncarnation(situation({ partition: 5 }))).toMatchObject({
      refused: expect.stringContaining('set `cloud.partition` back to 3, or use --repartition'),
    });
  });

  test('is refused while older incarnations hold unsent events', () => {
    const given = { chain: [A, B], heads: { [A]: { sales: 120, climate: 10 }, [B]: { sales: 3 } } };
    expect(planNewIncarnation(situation(given))).toMatchObject({
      refused: expect.stringContaining(`unsent events of the older incarnation ${A} (sales 101-120)`),
    });
    const vector = { sales: 120, climate: 10 };
    const all = { ...given, real: { [A]: vector }, equal: { [A]: vector } };
    expect(planNewIncarnation(situation(all))).toMatchObject({ acked: {} });
  });

  test('is refused when head office holds other events under the identities of an older incarnation', () => {
    const given = { chain: [A, B], heads: { [A]: { sales: 120, climate: 10 }, [B]: { sales: 3 } } };
    const copied = {
      ...given,
      real: { [A]: { sales: 120, climate: 10 } },
      equal: { [A]: { sales: 110, climate: 10 } },
    };
    expect(planNewIncarnation(situation(copied))).toMatchObject({
      refused: expect.stringMatching(/older incarnation .* \(sales 111-120\) of which head office has other records/),
    });
    // Pruned here, they were acknowledged once.
    expect(planNewIncarnation(situation({ ...copied, heldFrom: 121 }))).toMatchObject({ acked: {} });
  });
});

describe('a move to another partition', () => {
  test('is made when everything is sent, and takes along what waits', () => {
    expect(planRepartition(situation({ partition: 5 }))).toMatchObject({ says: expect.anything() });
    expect(planRepartition(situation({ partition: 5, waiting: 20 }))).toMatchObject({
      says: [expect.anything(), expect.stringContaining('the 20 events that wait')],
    });
  });

  const other = 'cd'.repeat(16);
  const vector = { sales: 100, climate: 10 };
  test('goes on when it was interrupted after its checkpoint', () => {
    const claimElsewhere = { incarnation: A, vector, batch: other };
    expect(planRepartition(situation({ partition: 5, claimElsewhere }))).toMatchObject({ says: expect.anything() });
  });

  const inDoubt = { incarnation: A, from: {}, to: { sales: 1 }, batch: BATCH };
  test.each<[string, Given, string]>([
    ['it is there already', { partition: 3 }, 'to partition 3 already'],
    ['a batch is in doubt', { partition: 5, state: { inDoubt } }, 'in doubt'],
    ['nothing was sent', { partition: 5, state: { position: null } }, 'nothing was sent yet'],
    [
      'another box wrote the checkpoint',
      { partition: 5, claim: { incarnation: A, vector, batch: other } },
      'do not agree',
    ],
    [
      'another box has sent more, to the new partition',
      { partition: 5, claimElsewhere: { incarnation: A, vector: { sales: 101, climate: 10 }, batch: other } },
      'do not agree',
    ],
  ])('is refused when %s', (_, given, sentence) => {
    expect(planRepartition(situation(given))).toMatchObject({ refused: expect.stringContaining(sentence) });
  });
});
