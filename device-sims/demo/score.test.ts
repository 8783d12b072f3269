import { expect, test } from 'vitest';
import type { Found, Score } from '../score/score-file.ts';
import { judgeHeadOffice, judgeShop, parseExport } from './score.ts';

function event(sequence: number, type: string, data: object = {}): string {
  const digits = String(sequence).padStart(16, '0');
  return JSON.stringify({ id: `s/i/${digits}`, sequence: digits, type, subject: 's', data });
}

const JOURNAL = parseExport(
  [event(1, 'retail.traffic.crossed.v1'), event(2, 'retail.alerts.raised.v1'), event(3, 'retail.sales.sold.v1')].join(
    '\n',
  ),
);

const FOUND: Found = {
  ...{ episodes: 10, found: 9, missed: 1, false: 0, repeated: 0, excused: 0, brief: 0, recall: 0.9, precision: 1 },
  ...{ calls_per_episode: 1, seconds_to_find: { p50: 30, p95: 60 }, stale_hours: 0 },
};
type Judged = Pick<Score, 'gaps' | 'sales' | 'traffic'>;

/** Everything was sold, counted and found, but for one gap. */
const GOOD: Judged = {
  gaps: { all: FOUND, with_sensor: FOUND, without_sensor: FOUND },
  traffic: { hours: 1, true_persons: 5, counted_persons: 5, error_per_hour: 0 },
  sales: { sales: 3, missing: 0, doubled: 0, different: 0, invented: 0 },
};
const TALLY = { sent: 9, acknowledged: 9 };

test('an afternoon on which everything was taken has no faults', () => {
  expect(judgeShop(GOOD, TALLY)).toEqual([]);
});

test('each thing that does not match is named', () => {
  const score = {
    ...GOOD,
    traffic: { ...GOOD.traffic, counted_persons: 4 },
    sales: { ...GOOD.sales, missing: 1, doubled: 2, different: 3, invented: 4 },
  };
  expect(judgeShop(score, { sent: 9, acknowledged: 8 })).toEqual([
    'frames of devices acknowledged: 8, but 9 expected',
    'sales that the journal lacks: 1, but 0 expected',
    'sales that the journal has twice: 2, but 0 expected',
    'sales that the journal tells otherwise: 3, but 0 expected',
    'sales that nobody made: 4, but 0 expected',
    'persons counted at the doors: 4, but 5 expected',
  ]);
});

test('many gaps that a sensor could see and nobody was told of are a fault, and so are none at all', () => {
  const withFound = (found: number, episodes: number): Judged => {
    return { ...GOOD, gaps: { ...GOOD.gaps, with_sensor: { ...FOUND, found, episodes } } };
  };
  expect(judgeShop(withFound(7, 10), TALLY)).toEqual([]);
  expect(judgeShop(withFound(6, 10), TALLY)).toEqual(['shelf gaps found: 6 of 10 that a sensor could see']);
  expect(judgeShop(withFound(0, 0), TALLY)).toHaveLength(1);
});

test('head office must hold exactly the journal; what came after the export is no stranger', () => {
  const all = new Set(JOURNAL.map(({ id }) => id));
  expect(judgeHeadOffice(JOURNAL, new Set([...all, 's/i/0000000000000005']), [])).toEqual([]);
  const lacking = new Set([...all].slice(1));
  expect(judgeHeadOffice(JOURNAL, lacking, [])).toEqual([
    'head office lacks 1 events, the first is s/i/0000000000000001',
  ]);
  expect(judgeHeadOffice(JOURNAL, all, ['s/i/0000000000000002'])).toHaveLength(1);
  expect(judgeHeadOffice(JOURNAL, new Set([...all, 's/x/0000000000000003']), [])).toHaveLength(1);
});
