/** The judgement at the end: what truly happened against what the hub said and what head office holds. */
import { z } from 'zod';
import type { FleetTally } from '../fleet/sim-device.ts';
import type { Score } from '../score/score-file.ts';

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

/** Of the gaps that a sensor could see, at least so many must be found. */
const FOUND_AT_LEAST = 0.7;

/** What is wrong with the store's own story, one sentence each; empty when all is well. */
export function judgeShop(
  { gaps, sales, traffic }: Pick<Score, 'gaps' | 'sales' | 'traffic'>,
  tally: Pick<FleetTally, 'sent' | 'acknowledged'>,
): string[] {
  const faults: string[] = [];
  const check = (what: string, is: number, want: number): void => {
    if (is !== want) faults.push(`${what}: ${is}, but ${want} expected`);
  };
  check('frames of devices acknowledged', tally.acknowledged, tally.sent);
  check('sales that the journal lacks', sales.missing, 0);
  check('sales that the journal has twice', sales.doubled, 0);
  check('sales that the journal tells otherwise', sales.different, 0);
  check('sales that nobody made', sales.invented, 0);
  check('persons counted at the doors', traffic.counted_persons, traffic.true_persons);
  const { found, episodes } = gaps.with_sensor;
  if (found === 0 || found < FOUND_AT_LEAST * episodes)
    faults.push(`shelf gaps found: ${found} of ${episodes} that a sensor could see`);
  return faults;
}

/** Whether head office holds exactly what the journal holds. */
export function judgeHeadOffice(
  journal: readonly JournalEvent[],
  records: ReadonlySet<string>,
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
  const strangers = [...records].filter((id) => !known.has(id) && (id.split('/').at(-1) ?? '') <= newest);
  if (strangers[0]) faults.push(`head office holds ${strangers.length} events that the journal lacks: ${strangers[0]}`);
  return faults;
}
