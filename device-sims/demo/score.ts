/** The judgement at the end: what truly happened against what the hub said and what head office holds. */
import { z } from 'zod';
import { isEventType, streamOf } from '../../edge/contracts/events.ts';
import type { Tally } from '../devices/device-line.ts';
import type { Ledger } from '../world/ledger.ts';
import type { SeenAlert } from './alert-watch.ts';

const eventSchema = z.object({
  ...{ id: z.string(), sequence: z.string(), type: z.string(), subject: z.string() },
  data: z.looseObject({}),
});

export type JournalEvent = z.infer<typeof eventSchema>;

/** The lines of `store-hub journal export`. */
export function parseExport(text: string): JournalEvent[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => eventSchema.parse(JSON.parse(line)));
}

export function countByStream(events: readonly JournalEvent[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { type } of events) {
    const stream = isEventType(type) ? streamOf(type) : 'other';
    counts.set(stream, (counts.get(stream) ?? 0) + 1);
  }
  return counts;
}

/** A true gap must be this much longer than `settle` before it counts as missed: sensors look four times a second. */
const MARGIN_MS = 1_500;

export interface Evidence {
  readonly ledger: Ledger;
  readonly tally: Tally;
  readonly alerts: readonly SeenAlert[];
  readonly journal: readonly JournalEvent[];
  readonly settleMs: number;
}

function check(faults: string[], what: string, is: number, want: number): void {
  if (is !== want) faults.push(`${what}: ${is}, but ${want} expected`);
}

/** Gaps that lasted long enough and that no alert named: neither a new one, nor one that was still open. */
export function missedGaps({ ledger, alerts, settleMs }: Pick<Evidence, 'ledger' | 'alerts' | 'settleMs'>): number {
  return ledger.gaps.filter(({ shelf, began, ended }) => {
    if (ended === undefined || ended - began < settleMs + MARGIN_MS) return false;
    return !alerts.some(
      (alert) => alert.subject === shelf && alert.heard <= ended + MARGIN_MS && (alert.ended ?? ended) >= began,
    );
  }).length;
}

/** What is wrong with the store's own story, one sentence each; empty when all is well. */
export function judgeStore(evidence: Evidence): string[] {
  const { ledger, tally, alerts, journal } = evidence;
  const faults: string[] = [];
  const ofType = (type: string) => journal.filter((event) => event.type === type);
  check(faults, 'readings acknowledged', tally.acknowledged, tally.sent);
  check(faults, 'journaled sales', ofType('retail.sales.sold.v1').length, ledger.sales.length);
  const entered = ofType('retail.traffic.crossed.v1').reduce((sum, { data }) => sum + Number(data.in), 0);
  check(faults, 'shoppers counted at the door', entered, ledger.entered);
  check(faults, 'journaled alerts', ofType('retail.alerts.raised.v1').length, alerts.length);
  // Somebody at the staff page may have dismissed one.
  const over = ofType('retail.alerts.resolved.v1').length + ofType('retail.alerts.dismissed.v1').length;
  check(faults, 'alerts that were resolved or dismissed', over, alerts.length);
  check(faults, 'gaps that no alert named', missedGaps(evidence), 0);
  check(faults, 'alerts without a gap', alerts.filter(({ delay }) => delay === undefined).length, 0);
  if (alerts.length === 0) faults.push('no alert was raised');
  return faults;
}

/** Whether head office holds exactly what the journal holds. */
export function judgeHeadOffice(
  journal: readonly JournalEvent[],
  records: ReadonlyMap<string, unknown>,
  repeated: readonly string[],
): string[] {
  const faults: string[] = [];
  const lacking = journal.filter(({ id }) => !records.has(id));
  const first = lacking[0];
  if (first) faults.push(`head office lacks ${lacking.length} events, the first is ${first.id}`);
  if (repeated.length > 0)
    faults.push(`head office holds ${repeated.length} events twice, the first is ${repeated[0]}`);
  const known = new Set(journal.map(({ id }) => id));
  // Exported in order of sequence.
  const newest = journal.at(-1)?.sequence ?? '';
  // What the hub journaled after the export is no stranger.
  const strangers = [...records.keys()].filter((id) => !known.has(id) && (id.split('/').at(-1) ?? '') <= newest);
  if (strangers[0]) faults.push(`head office holds ${strangers.length} events that the journal lacks: ${strangers[0]}`);
  return faults;
}
