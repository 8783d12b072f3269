import { describe, expect, test } from 'vitest';
import type { Checkpoint } from './checkpoint.ts';
import { type Comparison, compare } from './compare.ts';
import { Halt } from './halt.ts';
import { type BridgeState, FRESH_STATE } from './state.ts';

const A = '1m7w2y7m0v7f3';
const B = '1m7w9z9z9z9z9';
const OTHER = '1m7wzzzzzzzzz';

function checkpoint(incarnation: string, streams: Record<string, number>, batch: string, closed: string[] = []) {
  const positions = Object.fromEntries(
    Object.entries(streams).map(([stream, last]) => [stream, { last: String(last).padStart(16, '0'), dropped: [] }]),
  );
  const value: Checkpoint = {
    hub: 'store-1',
    incarnation,
    batch,
    time: '2026-11-20T09:00:00.000Z',
    streams: positions,
    closed: closed.map((name) => ({ incarnation: name, streams: {} })),
  };
  return { offset: 20, value };
}

const SENT: BridgeState = {
  ...FRESH_STATE,
  hub: 'store-1',
  partition: 7,
  position: { incarnation: A, acked: { sales: 10, alerts: 2 }, batch: 'b1', checkpointOffset: 20 },
};
const IN_DOUBT: BridgeState = {
  ...SENT,
  inDoubt: { incarnation: A, from: { sales: 10, alerts: 2 }, to: { sales: 15, alerts: 2 }, batch: 'b2' },
};
const FIRST_IN_DOUBT: BridgeState = {
  ...FRESH_STATE,
  hub: 'store-1',
  partition: 7,
  inDoubt: { incarnation: A, from: {}, to: { sales: 5 }, batch: 'b0' },
};

const BASE: Comparison = {
  hub: 'store-1',
  partition: 7,
  state: SENT,
  journal: {
    hub: 'store-1',
    incarnations: [{ incarnation: A }],
    heads: { sales: 30, alerts: 4 },
    acked: undefined,
    reserved: { incarnation: A, vector: { sales: 15, alerts: 2 } },
  },
  high: 22,
  checkpoint: checkpoint(A, { sales: 10, alerts: 2 }, 'b1'),
};

const journal = (change: Partial<Comparison['journal']>) => ({ ...BASE.journal, ...change });
const CHAIN = [{ incarnation: A }, { incarnation: B }];

const agreements: [string, Partial<Comparison>, unknown][] = [
  ['equal vector and batch', {}, { outcome: 'agreed', position: SENT.position }],
  [
    'nothing was ever sent and head office has nothing',
    { state: FRESH_STATE, checkpoint: undefined, high: 0 },
    { outcome: 'agreed', position: null },
  ],
  [
    'a first batch in doubt that is not there',
    { state: FIRST_IN_DOUBT, checkpoint: undefined, high: 3 },
    { outcome: 'aborted', position: null },
  ],
  [
    'a first batch in doubt that is there',
    { state: FIRST_IN_DOUBT, checkpoint: checkpoint(A, { sales: 5 }, 'b0') },
    {
      outcome: 'committed',
      position: { incarnation: A, acked: { sales: 5 }, batch: 'b0', checkpointOffset: 20 },
      closed: [],
    },
  ],
  [
    'in doubt, and head office is where it was before',
    { state: IN_DOUBT },
    { outcome: 'aborted', position: SENT.position },
  ],
  [
    'in doubt, and head office has it',
    { state: IN_DOUBT, checkpoint: checkpoint(A, { sales: 15, alerts: 2 }, 'b2') },
    {
      outcome: 'committed',
      position: { incarnation: A, acked: { sales: 15, alerts: 2 }, batch: 'b2', checkpointOffset: 20 },
      closed: [],
    },
  ],
  [
    'the first batch of the next incarnation in doubt, and head office has it: the one before is complete',
    {
      state: { ...SENT, inDoubt: { incarnation: B, from: {}, to: { devices: 1 }, batch: 'b9' } },
      journal: journal({
        incarnations: CHAIN,
        heads: { devices: 1 },
        reserved: { incarnation: B, vector: { devices: 1 } },
      }),
      checkpoint: checkpoint(B, { devices: 1 }, 'b9', [A]),
    },
    {
      outcome: 'committed',
      position: { incarnation: B, acked: { devices: 1 }, batch: 'b9', checkpointOffset: 20 },
      closed: [{ incarnation: A, vector: {} }],
    },
  ],
  [
    "the hub's own restore: the checkpoint's incarnation is closed, the journal knows less of it",
    {
      journal: journal({ incarnations: CHAIN, heads: { devices: 1 }, acked: { incarnation: A, vector: { sales: 3 } } }),
    },
    { outcome: 'agreed', position: SENT.position },
  ],
  [
    'the edge was told less than is recorded as sent, but not less than it confirmed',
    {
      state: { ...SENT, told: { incarnation: A, acked: { sales: 8 } } },
      journal: journal({ acked: { incarnation: A, vector: { sales: 8 } } }),
    },
    { outcome: 'agreed', position: SENT.position },
  ],
];

const RESTORED = [{ incarnation: A }, { incarnation: B, reason: 'restore' }];

const adoptions: [string, Partial<Comparison>, unknown][] = [
  [
    "a new box with a restored backup: the checkpoint's incarnation is closed, and taken over as acknowledged",
    { state: FRESH_STATE, journal: journal({ incarnations: RESTORED, heads: { devices: 1 } }) },
    {
      outcome: 'committed',
      position: { incarnation: A, acked: { sales: 10, alerts: 2 }, batch: 'b1', checkpointOffset: 20 },
      closed: [],
    },
  ],
];

const disagreements: [string, Partial<Comparison>, string][] = [
  [
    'a journal that has grown past what was sent, but does not remember having reserved it',
    {
      state: IN_DOUBT,
      checkpoint: checkpoint(A, { sales: 15, alerts: 2 }, 'b2'),
      journal: journal({
        heads: { sales: 100, alerts: 5 },
        acked: { incarnation: A, vector: { sales: 10, alerts: 2 } },
        reserved: undefined,
      }),
    },
    'journal-restored',
  ],
  [
    'a new box with a copied journal whose later incarnation was not opened by a restore',
    { state: FRESH_STATE, journal: journal({ incarnations: CHAIN, heads: { devices: 1 } }) },
    'head-office-ahead',
  ],
  ['another hub in the configuration', { hub: 'store-2' }, 'other-hub'],
  ['another hub in the journal', { journal: journal({ hub: 'store-2' }) }, 'other-hub'],
  ['another partition in the configuration', { partition: 8 }, 'other-partition'],
  ['the checkpoints end before the recorded offset', { high: 20 }, 'head-office-behind'],
  ['no checkpoint although something was acknowledged', { checkpoint: undefined }, 'head-office-behind'],
  [
    'no checkpoint and a new bridge folder, but the edge was told of acknowledgements',
    {
      state: FRESH_STATE,
      checkpoint: undefined,
      journal: journal({ acked: { incarnation: A, vector: { sales: 10 } } }),
    },
    'head-office-behind',
  ],
  [
    'head office behind in one stream',
    { checkpoint: checkpoint(A, { sales: 9, alerts: 2 }, 'b0') },
    'head-office-behind',
  ],
  [
    'head office ahead in one stream',
    { checkpoint: checkpoint(A, { sales: 11, alerts: 2 }, 'b2') },
    'head-office-ahead',
  ],
  [
    'ahead in one and behind in another',
    { checkpoint: checkpoint(A, { sales: 11, alerts: 1 }, 'b2') },
    'mixed-positions',
  ],
  ['equal vector, another batch', { checkpoint: checkpoint(A, { sales: 10, alerts: 2 }, 'bX') }, 'second-writer'],
  [
    'in doubt, and somebody else reached the same vector',
    { state: IN_DOUBT, checkpoint: checkpoint(A, { sales: 15, alerts: 2 }, 'bX') },
    'head-office-ahead',
  ],
  [
    'in doubt, and head office is beyond it',
    { state: IN_DOUBT, checkpoint: checkpoint(A, { sales: 16, alerts: 2 }, 'b3') },
    'head-office-ahead',
  ],
  ['a checkpoint although nothing was ever sent from here', { state: FRESH_STATE }, 'head-office-ahead'],
  [
    'an incarnation that the journal does not know',
    { checkpoint: checkpoint(OTHER, { sales: 1 }, 'b5') },
    'unknown-incarnation',
  ],
  [
    'a new journal under an agreeing record',
    { journal: journal({ incarnations: [{ incarnation: OTHER }], heads: { devices: 1 } }) },
    'unknown-incarnation',
  ],
  [
    'head office at the later incarnation',
    { journal: journal({ incarnations: CHAIN }), checkpoint: checkpoint(B, { devices: 1 }, 'b5', [A]) },
    'head-office-ahead',
  ],
  [
    'head office at the earlier incarnation',
    {
      state: { ...SENT, position: { incarnation: B, acked: { devices: 1 }, batch: 'b9', checkpointOffset: 20 } },
      journal: journal({ incarnations: CHAIN, heads: { devices: 4 } }),
    },
    'head-office-behind',
  ],
  [
    'the journal ends before what was sent',
    { journal: journal({ heads: { sales: 9, alerts: 4 } }) },
    'journal-restored',
  ],
  [
    'the journal ends before a batch in doubt that is there',
    {
      state: IN_DOUBT,
      checkpoint: checkpoint(A, { sales: 15, alerts: 2 }, 'b2'),
      journal: journal({ heads: { sales: 12, alerts: 2 } }),
    },
    'journal-restored',
  ],
  [
    'the journal grew past what was sent, but forgot what it was told',
    {
      state: { ...SENT, told: { incarnation: A, acked: { sales: 10, alerts: 2 } } },
      journal: journal({ acked: { incarnation: A, vector: { sales: 4 } } }),
    },
    'journal-restored',
  ],
  ['a checkpoint that nobody can read', { checkpoint: { offset: 20, value: undefined } }, 'checkpoint-unreadable'],
];

describe('head office, record and journal', () => {
  test.each([...agreements, ...adoptions])('go on: %s', (_name, change, verdict) => {
    expect(compare({ ...BASE, ...change })).toEqual(verdict);
  });

  test.each(disagreements)('halt: %s', (_name, change, code) => {
    const attempt = () => compare({ ...BASE, ...change });
    expect(attempt).toThrow(Halt);
    expect(attempt).toThrow(expect.objectContaining({ code }));
  });

  test('a halt says what happened, what it means and what to do', () => {
    expect(() => compare({ ...BASE, checkpoint: checkpoint(A, { sales: 9, alerts: 2 }, 'b0') })).toThrow(
      /Head office has less .*sales 9 instead of 10.* gap .*store-hub bridge resume --dry-run.*--refill/,
    );
  });
});
