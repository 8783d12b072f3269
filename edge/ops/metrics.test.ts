/** Metrics as a scraper sees them: every family has HELP and TYPE, values are what was counted, rates are E / T. */
import { afterEach, describe, expect, it } from 'vitest';
import { BridgeMetrics } from './bridge-metrics.ts';
import { EdgeMetrics } from './edge-metrics.ts';
import { metricsRoute } from './health.ts';
import { createHttp, listenTcp } from './http.ts';
import { createLogger } from './logging.ts';
import { createBridgeMetrics, createEdgeMetrics } from './metrics.ts';
import { RateWindow } from './rate-window.ts';

const app = createHttp({ hosts: [], logger: createLogger('edge', { to: { write: () => {} } }) });
afterEach(() => app.close());

interface Scrape {
  readonly help: Map<string, string>;
  readonly type: Map<string, string>;
  readonly values: Map<string, number>;
}

/** The text format, strictly: a line that does not parse throws. */
function parse(text: string): Scrape {
  const scrape: Scrape = { help: new Map(), type: new Map(), values: new Map() };
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const comment = /^# (HELP|TYPE) ([a-z0-9_]+) (.+)$/.exec(line);
    if (comment?.[1] && comment[2] && comment[3]) {
      (comment[1] === 'HELP' ? scrape.help : scrape.type).set(comment[2], comment[3]);
      continue;
    }
    const sample = /^([a-z0-9_]+(?:\{[a-z_]+="[^"]*"(?:,[a-z_]+="[^"]*")*\})?) (\S+)$/.exec(line);
    if (!sample?.[1] || Number.isNaN(Number(sample[2]))) throw new Error(`not the text format: ${line}`);
    scrape.values.set(sample[1], Number(sample[2]));
  }
  return scrape;
}

function expectDocumented({ help, type, values }: Scrape): void {
  for (const key of values.keys()) {
    const name = key.replace(/\{.*/, '');
    const family = type.has(name) ? name : name.replace(/_(bucket|sum|count)$/, '');
    expect(type.get(family), key).toMatch(/^(counter|gauge|histogram)$/);
    expect(help.get(family)?.length, key).toBeGreaterThan(20);
  }
}

describe('the edge', () => {
  it('shows what was counted, each with HELP', async () => {
    const metrics = createEdgeMetrics();
    metrics.accepted.sale += 3;
    metrics.refused.other += 1;
    metrics.journaled('retail.sales.sold.v1', 2);
    metrics.journaled('retail.offers.flagged.v1', 1);
    metrics.noOffers['no-stock'] += 4;
    metrics.committed(0.003, 2, 600);
    metrics.watch({
      buffer: () => ({ events: 7, bytes: 700, oldestReceived: undefined }),
      journal: () => ({ usedBytes: 1, walBytes: 2, budgetBytes: 3, filled: 0.5 }),
      door: () => ({ connections: 4, qos2Repeated: 5, sightings: new Map([['gate-1', 6]]) }),
      devices: () => ({
        tallies: new Map([['impinj', { frames: 9, refused: 2 }]]),
        devices: [
          { codec: 'impinj', state: 'ok' },
          { codec: 'impinj', state: 'trouble' },
          { codec: 'impinj', state: 'ok' },
        ],
        ...{ strangers: 3, strangerFrames: 8 },
      }),
      quarantined: () => new Map([['shelf-gap', 1]]),
      ready: () => ({ ready: true, reasons: ['x'] }),
    });
    metricsRoute(app, metrics.registry);
    const port = await listenTcp(app, { host: '127.0.0.1', port: 0 });
    const response = await fetch(`http://127.0.0.1:${port}/metrics`);
    expect(response.headers.get('content-type')).toContain('text/plain; version=0.0.4');
    const scrape = parse(await response.text());
    expectDocumented(scrape);
    expect(Object.fromEntries(scrape.values)).toMatchObject({
      'store_hub_readings_accepted_total{kind="sale"}': 3,
      'store_hub_readings_refused_total{kind="other"}': 1,
      'store_hub_device_frames_total{codec="impinj"}': 9,
      'store_hub_device_frames_refused_total{codec="impinj"}': 2,
      'store_hub_devices{codec="impinj",state="ok"}': 2,
      'store_hub_devices{codec="impinj",state="trouble"}': 1,
      'store_hub_devices{codec="impinj",state="quiet"}': 0,
      store_hub_strangers: 3,
      store_hub_stranger_frames_total: 8,
      'store_hub_events_total{stream="sales"}': 2,
      'store_hub_events_total{stream="offers"}': 1,
      'store_hub_offer_events_total{event="flagged"}': 1,
      'store_hub_offer_events_total{event="made"}': 0,
      'store_hub_no_offer_total{reason="no-stock"}': 4,
      'store_hub_no_offer_total{reason="hold-out"}': 0,
      store_hub_commit_seconds_count: 1,
      store_hub_commit_events_sum: 2,
      store_hub_buffer_events: 7,
      store_hub_connections: 4,
      store_hub_qos2_repeated_total: 5,
      'store_hub_rfid_sightings_total{reader="gate-1"}': 6,
      'store_hub_rule_keys_quarantined{rule="shelf-gap"}': 1,
      store_hub_ready: 1,
      store_hub_degraded_reasons: 1,
      'store_hub_event_rate{way="stored"}': 2,
      'store_hub_throughput_bytes{way="stored"}': 600,
    });
    expect(scrape.help.get('store_hub_event_rate')).toContain('E_total / T');
    expect(scrape.help.get('store_hub_throughput_bytes')).toContain('d / t');
    expect(scrape.values.has('process_resident_memory_bytes')).toBe(true);
  });

  it('shows no value for what nobody told it, rather than a zero', async () => {
    const scrape = parse(await new EdgeMetrics().registry.metrics());
    expect(scrape.values.has('store_hub_buffer_events')).toBe(false);
    expect(scrape.values.has('store_hub_ready')).toBe(false);
    expect(scrape.values.get('store_hub_heartbeats_total')).toBe(0);
  });

  it('reads anew at each scrape and does not add up', async () => {
    const metrics = new EdgeMetrics();
    metrics.heartbeats = 5;
    await metrics.registry.metrics();
    metrics.heartbeats = 6;
    expect(parse(await metrics.registry.metrics()).values.get('store_hub_heartbeats_total')).toBe(6);
  });

  it('bounds the names that come from outside, and keeps the most frequent', async () => {
    const metrics = new EdgeMetrics();
    const fields = new Map(Array.from({ length: 5000 }, (_, index) => [`field-${index}`, index]));
    metrics.watch({ door: () => ({ unknownFields: fields }) });
    const { values } = parse(await metrics.registry.metrics());
    const shown = [...values.keys()].filter((key) => key.startsWith('store_hub_unknown_fields_total'));
    expect(shown).toHaveLength(200);
    expect(values.get('store_hub_unknown_fields_total{field="field-4999"}')).toBe(4999);
  });
});

describe('the bridge', () => {
  it('shows state, lag, traffic and halts, each with HELP', async () => {
    const metrics = createBridgeMetrics();
    metrics.state = 'sending';
    metrics.committed(0.2, 1000, 300_000);
    metrics.halted('behind');
    metrics.watch({ lag: () => ({ sales: 12 }) });
    const scrape = parse(await metrics.registry.metrics());
    expectDocumented(scrape);
    expect(Object.fromEntries(scrape.values)).toMatchObject({
      'store_hub_bridge_state{state="halted"}': 1,
      'store_hub_bridge_state{state="sending"}': 0,
      store_hub_bridge_sent_events_total: 1000,
      store_hub_bridge_sent_bytes_total: 300_000,
      store_hub_bridge_batches_total: 1,
      'store_hub_bridge_lag_events{stream="sales"}': 12,
      'store_hub_bridge_lag_events{stream="items"}': 0,
      'store_hub_bridge_halts_total{reason="behind"}': 1,
      'store_hub_event_rate{way="out"}': 1000,
    });
    expect(scrape.values.has('store_hub_bridge_wire_bytes_total')).toBe(false);
  });

  it('gives no age of the last success before the first', async () => {
    const { values } = parse(await new BridgeMetrics().registry.metrics());
    expect(values.has('store_hub_bridge_last_success_age_seconds')).toBe(false);
  });
});

describe('event rate and throughput', () => {
  it('are E_total / T and d / t over the last 60 seconds', () => {
    let now = 1_000_000;
    const window = new RateWindow(() => now);
    for (let second = 0; second < 120; second += 1) {
      window.add(second < 60 ? 1000 : 30, 6000);
      now += 1000;
    }
    const { eventsPerSecond, bytesPerSecond } = window.rates();
    expect(eventsPerSecond).toBeCloseTo(30, 0);
    expect(bytesPerSecond).toBeCloseTo(6000, 0);
    now += 60_000;
    expect(window.rates()).toEqual({ eventsPerSecond: 0, bytesPerSecond: 0 });
  });

  it('divide by the time since the start while that is shorter, and by a second at least', () => {
    let now = 500;
    const window = new RateWindow(() => now);
    window.add(10, 1000);
    expect(window.rates()).toEqual({ eventsPerSecond: 10, bytesPerSecond: 1000 });
    now = 5500;
    expect(window.rates()).toEqual({ eventsPerSecond: 2, bytesPerSecond: 200 });
  });
});
