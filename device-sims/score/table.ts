/** The score as a table for people: one line a question, the answer, and what it is made of. */
import type { Found, Score } from './score.ts';

type Row = readonly [question: string, answer: string, made_of: string];

export function tableOf(score: Score): string {
  const { gaps, stock, items, traffic, excursions, sales } = score;
  const rows: Row[] = [
    ['shelf gaps found', share(gaps.all.recall), foundText(gaps.all)],
    ['  shelves with a sensor', share(gaps.with_sensor.recall), foundText(gaps.with_sensor)],
    ['  shelves without one', share(gaps.without_sensor.recall), foundText(gaps.without_sensor)],
    ['alerts that were right', share(gaps.all.precision), `${number(gaps.all.stale_hours)} h of alerts without a gap`],
    ['time to find a gap', seconds(gaps.all.seconds_to_find.p50), `p95 ${seconds(gaps.all.seconds_to_find.p95)}`],
    [
      'stock error of a product',
      itemsText(stock.error),
      `of ${stock.gtins} products; ${share(stock.known)} of shelf-time known; with sensors ${itemsText(stock.error_with_sensor)}`,
    ],
    [
      'items in the right zone',
      share(items.right_zone),
      `${items.items} tagged items; ${number(items.events_per_move)} events a true move (${items.true_moves})`,
    ],
    [
      'traffic error an hour',
      share(traffic.error_per_hour),
      `${traffic.counted_persons} of ${traffic.true_persons} crossings in ${traffic.hours} line-hours`,
    ],
    ['excursions found', share(excursions.recall), foundText(excursions)],
    [
      'sales',
      sales.missing + sales.doubled + sales.different + sales.invented === 0 ? 'all' : 'NOT all',
      `${sales.sales} made; ${sales.missing} missing, ${sales.doubled} doubled, ${sales.different} different, ${sales.invented} invented`,
    ],
  ];
  const width = (column: 0 | 1): number => Math.max(...rows.map((row) => row[column].length));
  const [question, answer] = [width(0), width(1)];
  return rows.map((row) => `${row[0].padEnd(question)}  ${row[1].padStart(answer)}  ${row[2]}`.trimEnd()).join('\n');
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
