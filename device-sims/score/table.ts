/** The score as a table for people: one line a question, the answer, and what it is made of. */
import type { Found, Score, Stock } from './score-file.ts';

type Row = readonly [question: string, answer: string, made_of: string];

export function tableOf(score: Score): string {
  const { gaps, stock, items, traffic, excursions, sales } = score;
  const rows: Row[] = [
    ['shelf gaps found, all shelves', share(gaps.all.recall), foundText(gaps.all)],
    ['  shelves with a sensor', share(gaps.with_sensor.recall), foundText(gaps.with_sensor)],
    ['  shelves without one', share(gaps.without_sensor.recall), foundText(gaps.without_sensor)],
    ['alerts that were right', share(gaps.all.precision), callsText(gaps.all, 'gap')],
    [
      'median time to find a gap',
      seconds(gaps.all.seconds_to_find.p50),
      `p95 ${seconds(gaps.all.seconds_to_find.p95)}`,
    ],
    ['stock known, against silence', share(stock.all.skill), stockText(stock.all, stock.gtins)],
    ['  shelves with a sensor', share(stock.with_sensor.skill), stockText(stock.with_sensor)],
    ['  shelves without one', share(stock.without_sensor.skill), stockText(stock.without_sensor)],
    [
      'levels told per true change',
      number(stock.events_per_change),
      stock.unplanned === 0 ? '' : `${stock.unplanned} of them of what nobody planned`,
    ],
    [
      'items in the right zone',
      share(items.right_zone),
      `${items.items} tagged items; ${number(items.events_per_move)} events per true move (${items.true_moves})`,
    ],
    [
      'traffic error an hour',
      share(traffic.error_per_hour),
      `${traffic.counted_persons} of ${traffic.true_persons} crossings in ${traffic.hours} line-hours`,
    ],
    ['excursions found', share(excursions.recall), `${foundText(excursions)}, ${excursions.excused} of warm air only`],
    ['  alerts that were right', share(excursions.precision), callsText(excursions, 'excursion')],
    [
      '  median time to find one',
      seconds(excursions.seconds_to_find.p50),
      `p95 ${seconds(excursions.seconds_to_find.p95)}`,
    ],
    [
      'sales',
      sales.missing + sales.doubled + sales.different + sales.invented === 0 ? 'all' : 'NOT all',
      `${sales.sales} made; ${sales.missing} missing, ${sales.doubled} doubled, ${sales.different} different, ${sales.invented} invented`,
    ],
    ['alerts of other rules', String(score.other_alerts), 'not judged here'],
    ...faultRows(score.faults ?? []),
  ];
  const width = (column: 0 | 1): number => Math.max(...rows.map((row) => row[column].length));
  const [question, answer] = [width(0), width(1)];
  return rows.map((row) => `${row[0].padEnd(question)}  ${row[1].padStart(answer)}  ${row[2]}`.trimEnd()).join('\n');
}

function faultRows(faults: NonNullable<Score['faults']>): Row[] {
  return faults.map(({ fault, times, gaps, excursions, sales }) => [
    fault === 'none' ? 'where no fault struck' : `while ${fault} struck`,
    fault === 'none' ? '' : `${times} times`,
    `gaps ${gaps.found} of ${gaps.episodes}, p50 ${seconds(gaps.p50_seconds)}; excursions ${excursions.found} of ${excursions.episodes}; sales ${sales.sales}, ${sales.missing} missing, ${sales.doubled} doubled`,
  ]);
}

function callsText({ calls_per_episode, stale_hours }: Found, name: string): string {
  return `${number(calls_per_episode)} alerts per true ${name}; ${number(stale_hours)} h of alerts without reason`;
}

function stockText({ known, error_known, error, error_of_silence, skill_of_a_guess }: Stock, gtins?: number): string {
  const products = gtins === undefined ? '' : ` of ${gtins} products`;
  return `${share(known)} of shelf-time known, wrong by ${itemsText(error_known)}; in all ${itemsText(error)}${products}, ${itemsText(error_of_silence)} if silent; one guess for all would reach ${share(skill_of_a_guess)}`;
}

function foundText({ episodes, missed, brief, repeated, ...found }: Found): string {
  return `${found.found} of ${episodes}; ${missed} missed, ${found.false} false, ${repeated} repeated, ${brief} too short to count`;
}

function share(value: number | null): string {
  return value === null ? '-' : `${(value * 100).toFixed(1)} %`;
}

function seconds(value: number | null): string {
  return value === null ? '-' : `${value.toFixed(1)} s`;
}

function itemsText(value: number | null): string {
  return value === null ? '-' : `${value.toFixed(2)} items`;
}

function number(value: number | null): string {
  return value === null ? '-' : value.toFixed(2);
}
