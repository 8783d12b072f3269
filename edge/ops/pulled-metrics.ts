/**
 * Metrics that cost nothing until somebody looks: code counts in plain number fields, and the registry reads those
 * when it is scraped.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge, type Registry } from 'prom-client';

export interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What a scrape finds: one number, labelled samples, or nothing known yet. */
export type Reading = number | undefined | Iterable<Sample>;

/** A finer one costs a quarter of a percent of a core in an idle shop. */
const LOOP_RESOLUTION_MS = 100;

/** Names that come from outside (fields, readers) must not make the page grow without end. */
const MOST_SAMPLES = 200;

export interface PulledMetric {
  readonly type: 'counter' | 'gauge';
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
  readonly read: () => Reading;
}

export function counter(name: string, help: string, read: () => Reading, ...labels: readonly string[]): PulledMetric {
  return { type: 'counter', name: `store_hub_${name}`, help, labels, read };
}

export function gauge(name: string, help: string, read: () => Reading, ...labels: readonly string[]): PulledMetric {
  return { type: 'gauge', name: `store_hub_${name}`, help, labels, read };
}

function samplesOf(reading: Reading): Iterable<Sample> {
  if (reading === undefined) return [];
  return typeof reading === 'number' ? [{ value: reading }] : reading;
}

export function pulled(registry: Registry, metric: PulledMetric): void {
  const { name, help } = metric;
  const configuration = { name, help, labelNames: [...(metric.labels ?? [])], registers: [registry] };
  if (metric.type === 'counter') {
    const counter: Counter = new Counter({
      ...configuration,
      collect: (): void => show(counter, metric, (labels, value) => counter.inc(labels, value)),
    });
    return;
  }
  const gauge: Gauge = new Gauge({
    ...configuration,
    collect: (): void => show(gauge, metric, (labels, value) => gauge.set(labels, value)),
  });
}

function show(
  shown: { reset(): void; remove(): void },
  { labels = [], read }: PulledMetric,
  put: (labels: Record<string, string>, value: number) => void,
): void {
  shown.reset();
  // Without labels a reset leaves a 0, which would be a claim.
  if (labels.length === 0) shown.remove();
  let count = 0;
  for (const sample of samplesOf(read())) {
    if (count === MOST_SAMPLES) return;
    put({ ...sample.labels }, sample.value);
    count += 1;
  }
}

/** What the process itself uses; the SQLite writer's thread is part of the memory, not of the event loop figures. */
export function processMetrics(registry: Registry): void {
  const delay = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
  delay.enable();
  let utilization = performance.eventLoopUtilization();
  const metrics: readonly PulledMetric[] = [
    {
      type: 'gauge',
      name: 'process_resident_memory_bytes',
      help: 'Memory that the process holds, all threads, in bytes.',
      read: () => process.memoryUsage.rss(),
    },
    {
      type: 'counter',
      name: 'process_cpu_seconds_total',
      help: 'Processor time used by the process, all threads, in seconds.',
      read: () => {
        const { user, system } = process.cpuUsage();
        return (user + system) / 1e6;
      },
    },
    {
      type: 'gauge',
      name: 'process_start_time_seconds',
      help: 'When the process started, in seconds since 1970.',
      read: () => Math.round(Date.now() / 1000 - process.uptime()),
    },
    {
      type: 'gauge',
      name: 'store_hub_event_loop_delay_seconds',
      help: 'How late the main thread got to its work since the last scrape, 99th percentile, in seconds; over 0.1 devices notice.',
      read: () => {
        const late = delay.count === 0 ? 0 : Math.max(0, delay.percentile(99) / 1e9 - LOOP_RESOLUTION_MS / 1000);
        delay.reset();
        return late;
      },
    },
    {
      type: 'gauge',
      name: 'store_hub_event_loop_busy_ratio',
      help: 'Part of the time since the last scrape that the main thread was busy, 0 to 1; near 1 the box is too slow for its load.',
      read: () => {
        const before = utilization;
        utilization = performance.eventLoopUtilization();
        return performance.eventLoopUtilization(utilization, before).utilization;
      },
    },
  ];
  for (const metric of metrics) pulled(registry, metric);
}
