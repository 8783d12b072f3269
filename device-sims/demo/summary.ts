/** The last page of the demo: what was sent, stored, decided and received, in one table. */
import type { Tally } from '../devices/device-line.ts';
import type { Ledger } from '../world/ledger.ts';
import type { SeenAlert } from './alert-watch.ts';
import type { HeadOffice } from './head-office.ts';
import type { Narrator } from './narrator.ts';
import type { Outage } from './outage.ts';
import { countByStream, type JournalEvent } from './score.ts';

export interface SummaryOptions {
  readonly narrator: Narrator;
  readonly ledger: Ledger;
  readonly tally: Tally;
  readonly journal: readonly JournalEvent[];
  readonly alerts: readonly SeenAlert[];
  readonly office: HeadOffice | undefined;
  readonly cut: Outage | undefined;
  readonly proof: { readonly ok: boolean } | undefined;
  readonly faults: readonly string[];
}

function delays(alerts: readonly SeenAlert[]): string {
  const sorted = alerts.flatMap(({ delay }) => (delay === undefined ? [] : [delay])).sort((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)];
  const slowest = sorted.at(-1);
  if (middle === undefined || slowest === undefined) return 'none';
  return `median ${middle.toFixed(1)} s, slowest ${slowest.toFixed(1)} s (2 s of it is the rule's settle time)`;
}

export function summary(options: SummaryOptions): void {
  const { narrator, ledger, tally, journal, alerts, office, cut, proof, faults } = options;
  const row = (name: string, value: string | number) => narrator.plain(`  ${name.padEnd(26)}${value}`);
  const resolved = journal.filter(({ type }) => type === 'retail.alerts.resolved.v1').length;
  const streams = [...countByStream(journal)].map(([stream, count]) => `${stream} ${count}`).join(', ');
  const { items } = ledger;
  const balanced = items.onShelves + items.inBackRoom + items.inBaskets + items.sold + items.unpaid === items.opening;

  narrator.plain();
  narrator.heading('Summary');
  row('shoppers', `${ledger.entered} came, ${ledger.sales.length} paid for ${items.sold} items`);
  row(
    'items',
    `${balanced ? 'all accounted for' : 'do not add up'}; ${items.unpaid} left unpaid, ${ledger.missed} wanted in vain`,
  );
  row('readings', `${tally.sent} sent, ${tally.acknowledged} acknowledged`);
  row('events in the journal', `${journal.length}: ${streams}`);
  row('alerts', `${alerts.length} raised, ${resolved} resolved; ${ledger.gaps.length} true gaps`);
  row('true gap to alert', delays(alerts));
  if (cut) row('link cut', `${cut.peak} events waited at most, drained ${cut.drainedIn.toFixed(1)} s after healing`);
  if (office) row('records in Kafka', `${office.records.size}, read committed by a reader of its own`);
  else row('records in Kafka', 'none: head office was out of reach, every event waits in the buffer');
  if (proof) row('store-hub verify', proof.ok ? 'ok: gaps 0, duplicates 0' : 'FAILED');
  row('verdict', faults.length === 0 ? 'everything is as it must be' : `${faults.length} faults, see below`);
}
