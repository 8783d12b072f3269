/** What happened, in numbers that a person reads: counted from the records alone. */
import type { LedgerRecord } from './ledger-records.ts';
import type { Witness } from './world.ts';

export interface Tally {
  readonly witness: Witness;
  /** So far: one short line. */
  line(): string;
  /** Names and numbers. */
  rows(): readonly (readonly [string, number])[];
}

type Kind = LedgerRecord['kind'];

const ROWS: readonly (readonly [string, Kind])[] = [
  ['parties came in', 'entered'],
  ['picked from shelves', 'picked'],
  ['put back', 'put-back'],
  ['wanted, and not there', 'missed'],
  ['sales', 'sold'],
  ['left unpaid', 'stolen'],
  ['abandoned', 'abandoned'],
  ['shelves refilled', 'restocked'],
  ['pallets delivered', 'delivered'],
  ['shelves counted', 'counted'],
  ['tagged items moved', 'item-moved'],
  ['fridge doors opened', 'door-opened'],
  ['gaps began', 'gap-began'],
  ['gaps ended', 'gap-ended'],
  ['excursions began', 'excursion-began'],
];

export function openTally(): Tally {
  const counts = new Map<Kind, number>();
  const of = (kind: Kind): number => counts.get(kind) ?? 0;
  let records = 0;
  return {
    witness({ kind }) {
      records += 1;
      counts.set(kind, of(kind) + 1);
    },
    line() {
      const inside = of('entered') - of('left');
      const gaps = of('gap-began') - of('gap-ended');
      return `inside ${inside}  sales ${of('sold')}  gaps ${gaps}  records ${records}`;
    },
    rows: () => [...ROWS.map(([name, kind]) => [name, of(kind)] as const), ['records', records]],
  };
}
