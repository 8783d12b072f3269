/** The command line of the soak. */
import { parseArgs } from 'node:util';

export const USAGE = `npm run soak -- [--hours 24 | --minutes 5] [--rate 5000] [--every 60] [--seed N] [--fault NAME]...

  --hours, --minutes   how long; default one hour
  --rate               readings per second, all devices together
  --every              seconds from one fault to the next
  --seed               which faults follow which; default by the clock, printed at the start
  --fault              only faults whose name has this in it; may be repeated

Ctrl-C ends it early, with its report. Exit code 1 when anything was lost, doubled or dropped, or memory grew.`;

export interface SoakOptions {
  readonly seconds: number;
  readonly rate: number;
  readonly every: number;
  readonly seed: number;
  readonly faults: readonly string[];
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new Error(`--${name}: ${text} is not a number above 0`);
  return value;
}

/** Nothing when only the usage was asked for. Throws with a sentence about what is wrong. */
export function parseOptions(args: readonly string[]): SoakOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      hours: { type: 'string' },
      minutes: { type: 'string' },
      rate: { type: 'string', default: '5000' },
      every: { type: 'string', default: '60' },
      seed: { type: 'string' },
      fault: { type: 'string', multiple: true, default: [] },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const hours = values.hours === undefined ? 0 : positive('hours', values.hours);
  const minutes = values.minutes === undefined ? 0 : positive('minutes', values.minutes);
  return {
    seconds: hours * 3600 + minutes * 60 || 3600,
    rate: positive('rate', values.rate),
    every: positive('every', values.every),
    seed: values.seed === undefined ? Date.now() % 1_000_000 : positive('seed', values.seed),
    faults: values.fault,
  };
}
