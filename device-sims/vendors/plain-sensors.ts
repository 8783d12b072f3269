/**
 * Sensors that no codec was written for: flat JSON, as small makers and hobby firmware send it, and a controller's
 * metrics in the manner of Sparkplug B, as JSON.
 */

export interface FlatState {
  /** Degrees Celsius, told in tenths. */
  readonly celsius: number;
  readonly humidity: number;
  /** Percent. */
  readonly battery: number;
  /** Epoch ms. */
  readonly time: number;
}

export function flatState({ celsius, humidity, battery, time }: FlatState): string {
  return JSON.stringify({ fw: '2.4.1', temp: Math.round(celsius * 10), hum: humidity, batt: battery, ts: time });
}

export interface Metric {
  readonly name: string;
  readonly alias: number;
  readonly value: number | boolean;
}

/** @param seq 0 to 255, then 0 again */
export function sparkplugData(seq: number, time: number, metrics: readonly Metric[]): string {
  return JSON.stringify({
    timestamp: time,
    metrics: metrics.map(({ name, alias, value }) => {
      const dataType = typeof value === 'boolean' ? 'Boolean' : 'Float';
      return { name, alias, timestamp: time, dataType, value };
    }),
    seq: seq % 256,
  });
}
