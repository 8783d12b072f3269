/** The last page of the demo: what truly happened, what the hub made of it, and what head office has. */
import type { Found } from '../score/score-file.ts';
import type { Cast } from './cast.ts';
import type { Narrator } from './narrator.ts';
import type { Outage } from './outage.ts';
import type { Proof } from './proof.ts';
import type { Stage } from './stage.ts';
import { counted, spanText } from './words.ts';

export interface SummaryOptions {
  readonly narrator: Narrator;
  readonly stage: Stage;
  readonly cast: Cast;
  readonly proof: Proof;
  readonly cut: Outage | undefined;
  readonly faults: readonly string[];
}

function gapsLine({ episodes, found, missed, false: wrong, brief, seconds_to_find: { p50, p95 } }: Found): string {
  const spans = [p50, p95].map((seconds) => (seconds === null ? '-' : spanText(seconds * 1000)));
  const short = brief > 0 ? `; ${brief} shorter than a minute` : '';
  return `${found} of ${episodes} found, ${missed} missed, ${wrong} false; half within ${spans[0]}, 95 % within ${spans[1]}${short}`;
}

function salesLine({ score: { sales } }: Proof): string {
  return `${counted(sales.sales, 'sale')}: ${sales.missing} missing in the journal, ${sales.doubled} doubled, ${sales.different} different`;
}

function offersLine({ equipment: { answers } }: Cast, { offers }: Proof): string {
  const yes = [...answers.values()].filter(Boolean).length;
  return `${offers.made} made, ${counted(offers.attributed, 'purchase')} after one; ${yes} of ${answers.size} members had said yes`;
}

export function summary({ narrator, stage, cast, proof, cut, faults }: SummaryOptions): void {
  const { office } = stage;
  const { watch, equipment } = cast;
  const { journal, score, offers, verified } = proof;
  const { gaps, stock, traffic } = score;
  const row = (name: string, value: string) => narrator.plain(`  ${name.padEnd(26)}${value}`);
  const { sent, acknowledged } = equipment.tally;

  narrator.plain();
  narrator.heading('The afternoon, and what the hub made of it (times of the shop)');
  row('shelf gaps, with sensor', gapsLine(gaps.with_sensor));
  row(
    'shelf gaps, without one',
    `${gaps.without_sensor.found} of ${gaps.without_sensor.episodes} found: nothing looks there`,
  );
  row('alerts', `${watch.raised} raised, ${watch.standing().length} stand at six o'clock`);
  const { error_known } = stock.with_sensor;
  if (error_known !== null) row('stock, with sensor', `off by ${error_known.toFixed(2)} items of a shelf on average`);
  row(
    'doors',
    `${counted(traffic.true_persons, 'person')} crossed, ${counted(traffic.counted_persons, 'person')} counted`,
  );
  row('sales', salesLine(proof));
  row('offers', offersLine(cast, proof));
  row('offers without consent', `${offers.withoutConsent}; of what was not on the shelf ${offers.forEmptyShelf}`);
  row(
    'names of shoppers',
    proof.traces.length === 0 ? 'none in the journal, in the log, or kept without consent' : 'FOUND',
  );
  row(
    'nothing lost',
    `${acknowledged} of ${sent} frames acknowledged, ${counted(journal.length, 'event')} in the journal`,
  );
  if (cut)
    row(
      'the dead line',
      `${counted(cut.peak, 'event')} waited, drained ${cut.drainedIn.toFixed(1)} s after it was back`,
    );
  if (office)
    row(
      'head office',
      `lacks ${journal.filter(({ id }) => !office.records.has(id)).length} of these events, has ${office.repeated.length} twice`,
    );
  else row('head office', 'has none: it was out of reach, every event waits in the buffer');
  if (verified) {
    const { ok, gaps: lost, duplicates } = verified;
    row('store-hub verify', `${ok ? 'ok' : 'FAILED'}: gaps ${lost}, duplicates ${duplicates}`);
  }
  row('verdict', faults.length === 0 ? 'everything is as it must be' : `${faults.length} faults, see below`);
}
