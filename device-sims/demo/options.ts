/** The demo's few options. */
import { parseArgs } from 'node:util';

export interface DemoOptions {
  readonly minutes: number;
  readonly offline: boolean;
  readonly seed: number;
}

export const USAGE = `store-hub demo [--minutes 2] [--offline] [--seed 7]

  --minutes N   how long the afternoon from three to six takes (0.5 to 120)
  --offline     without Kafka: head office is out of reach the whole time
  --seed N      another afternoon in the same shop`;

function number(text: string, name: string, low: number, high: number): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= low && value <= high)) {
    throw new Error(`--${name} wants a number from ${low} to ${high}, not "${text}"`);
  }
  return value;
}

/** Throws with a sentence for the user when something is wrong. `undefined`: help was asked for. */
export function parseOptions(args: readonly string[]): DemoOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: 'string', default: '2' },
      offline: { type: 'boolean', default: false },
      seed: { type: 'string', default: '7' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return undefined;
  return {
    minutes: number(values.minutes, 'minutes', 0.5, 120),
    offline: values.offline,
    seed: number(values.seed, 'seed', 0, 2 ** 32 - 1),
  };
}
