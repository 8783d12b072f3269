/** What the metrics of both daemons share: counts by name, the rate figures, histogram buckets. */
import type { PulledMetric, Sample } from './pulled-metrics.ts';
import type { RateWindow } from './rate-window.ts';

/** Upper bounds in seconds, from a good SSD's sync to a card that is dying. */
export const DURATION_BUCKETS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];
export const BATCH_BUCKETS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000];

export function zeros<K extends string>(names: readonly K[]): Record<K, number> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Record<K, number>;
}

export function* samples(label: string, counts: Readonly<Record<string, number>>): Iterable<Sample> {
  for (const [name, value] of Object.entries(counts)) yield { labels: { [label]: name }, value };
}

/** One sample for each entry, the largest first, so that a limit on samples cuts off the least. */
export function* largestFirst(label: string, counts: ReadonlyMap<string, number> | undefined): Iterable<Sample> {
  const sorted = [...(counts ?? [])].sort(([, a], [, b]) => b - a);
  for (const [name, value] of sorted) yield { labels: { [label]: name }, value };
}

/** Event rate and throughput, one sample for each way; `meaning` tells what the ways count. */
export function rateMetrics(ways: Readonly<Record<string, RateWindow>>, meaning: string): readonly PulledMetric[] {
  const read = (figure: 'eventsPerSecond' | 'bytesPerSecond') => () =>
    Object.entries(ways).map(([way, window]) => ({ labels: { way }, value: window.rates()[figure] }));
  return [
    {
      type: 'gauge',
      name: 'store_hub_event_rate',
      help: `Event rate: events per second, E_total / T, with E_total events during T, the last 60 s. ${meaning}`,
      labels: ['way'],
      read: read('eventsPerSecond'),
    },
    {
      type: 'gauge',
      name: 'store_hub_throughput_bytes',
      help: `Throughput: bytes per second, d / t, with d bytes moved during t, the last 60 s. ${meaning}`,
      labels: ['way'],
      read: read('bytesPerSecond'),
    },
  ];
}
