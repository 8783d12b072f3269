/** The last page of the demo: what was sent, stored, decided and received, in one table. */
import type { SeenAlert } from './alert-watch.ts';
import type { Cast } from './cast.ts';
import type { Narrator } from './narrator.ts';
import type { Outage } from './outage.ts';
import type { Proof } from './proof.ts';
import { countByStream } from './score.ts';
import { SETTLE_MS } from './stage.ts';
import { appsOf } from './traces.ts';

export interface SummaryOptions {
  readonly narrator: Narrator;
  readonly cast: Cast;
  readonly proof: Proof;
  readonly cut: Outage | undefined;
  readonly faults: readonly string[];
}

function delays(alerts: readonly SeenAlert[]): string {
  const sorted = alerts.flatMap(({ delay }) => (delay === undefined ? [] : [delay])).sort((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)];
  const slowest = sorted.at(-1);
  if (middle === undefined || slowest === undefined) return 'none';
  const settle = `${SETTLE_MS / 1000} s of it is the rule's settle time`;
  return `median ${middle.toFixed(1)} s, slowest ${slowest.toFixed(1)} s (${settle})`;
}

function itemsLine({ ledger: { items, missed } }: Cast): string {
  const found = items.onShelves + items.inBackRoom + items.inBaskets + items.sold + items.unpaid;
  const balance = found === items.opening ? 'all accounted for' : `${items.opening - found} do not add up`;
  return `${balance}; ${items.unpaid} left unpaid, ${missed} wanted in vain`;
}

function consentLine({ ledger }: Cast): string {
  const { consents } = ledger;
  const apps = appsOf(ledger);
  const given = consents.filter(({ granted }) => granted).length;
  return `${given} of ${apps.size} shoppers with the app gave it, ${consents.length - given} withdrew it`;
}

function offersLine({ ledger }: Cast, { offers }: Proof): string {
  const { made, withdrawn, withheld, redeemed, attributed } = offers;
  const shown = `${made} made, ${ledger.offers.length} shown on phones, ${withdrawn} withdrawn`;
  const bought = `${redeemed} redeemed, ${attributed} purchases attributed`;
  return `${shown}; ${bought}; ${withheld} held out`;
}

export function summary({ narrator, cast, proof, cut, faults }: SummaryOptions): void {
  const { ledger, tally, watch, office } = cast;
  const { journal, offers, verified } = proof;
  const row = (name: string, value: string) => narrator.plain(`  ${name.padEnd(24)}${value}`);
  const streams = [...countByStream(journal)].map(([stream, count]) => `${stream} ${count}`).join(', ');
  const over = watch.alerts.filter(({ ended }) => ended !== undefined).length;

  narrator.plain();
  narrator.heading('store-hub offers');
  for (const line of proof.report.trimEnd().split('\n')) narrator.plain(line === '' ? line : `  ${line}`);
  narrator.plain();
  narrator.heading('Summary');
  row('shoppers', `${ledger.entered} came, ${ledger.sales.length} paid for ${ledger.items.sold} items`);
  row('items', itemsLine(cast));
  row('readings', `${tally.sent} sent, ${tally.acknowledged} acknowledged`);
  row('events in the journal', `${journal.length}: ${streams}`);
  row('alerts', `${watch.alerts.length} raised, ${over} resolved; ${ledger.gaps.length} true gaps`);
  row('true gap to alert', delays(watch.alerts));
  row('consent', consentLine(cast));
  row('offers', offersLine(cast, proof));
  row('offers without consent', `${offers.withoutConsent}; of what was not on the shelf ${offers.forEmptyShelf}`);
  row('pseudonyms', proof.traces.length === 0 ? 'none in the journal, in the log, or kept without consent' : 'FOUND');
  if (cut) row('link cut', `${cut.peak} events waited at most, drained ${cut.drainedIn.toFixed(1)} s after healing`);
  if (office) row('records in Kafka', `${office.records.size}, of which ${office.repeated.length} came twice`);
  else row('records in Kafka', 'none: head office was out of reach, every event waits in the buffer');
  if (verified) {
    const { ok, gaps, duplicates } = verified;
    row('store-hub verify', `${ok ? 'ok' : 'FAILED'}: gaps ${gaps}, duplicates ${duplicates}`);
  }
  row('verdict', faults.length === 0 ? 'everything is as it must be' : `${faults.length} faults, see below`);
}
