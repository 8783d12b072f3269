/**
 * The score by faults: what was found, and what came of sales, while a device that watches the place was struck. A run
 * with faults leaves a file of them beside its ledger.
 */
import { z } from 'zod';
import type { Judged, Matched } from './matching.ts';
import { quantile } from './matching.ts';
import type { Score } from './score-file.ts';
import type { TrueSale } from './truth.ts';

const strikeSchema = z.object({
  fault: z.string(),
  device: z.string(),
  /** ISO 8601, simulated. */
  from: z.string(),
  until: z.string(),
  watches: z.array(z.string()),
});

/** A fault that a device had; ms of the simulated clock. */
export interface Strike {
  readonly fault: string;
  readonly from: number;
  readonly until: number;
  /** Shelves, units, tills and so on. */
  readonly watches: ReadonlySet<string>;
}

/** Throws where the line is none. */
export function parseStrike(line: string): Strike {
  const { fault, from, until, watches } = strikeSchema.parse(JSON.parse(line));
  return { fault, from: Date.parse(from), until: Date.parse(until), watches: new Set(watches) };
}

export interface SaleFate {
  readonly sale: TrueSale;
  /** How often the hub had it. */
  readonly times: number;
}

type ByFault = NonNullable<Score['faults']>;

export function faultScore(
  strikes: readonly Strike[],
  { gaps, excursions, sales, until }: { gaps: Matched; excursions: Matched; sales: readonly SaleFate[]; until: number },
): ByFault {
  const struck = (subject: string, from: number, to: number, by: readonly Strike[]): boolean =>
    by.some((strike) => strike.watches.has(subject) && strike.from <= to && strike.until >= from);
  const part = (name: string, times: number, isOf: (subject: string, from: number, to: number) => boolean) => {
    const episodes = (judged: readonly Judged[]) => {
      const own = judged.filter(({ episode }) => isOf(episode.subject, episode.began, episode.ended ?? until));
      const seconds = own.flatMap((one) => (one.seconds === undefined ? [] : [one.seconds])).sort((a, b) => a - b);
      return { episodes: own.length, found: seconds.length, p50_seconds: quantile(seconds, 0.5) ?? null };
    };
    const own = sales.filter(({ sale }) => isOf(sale.till, sale.at, sale.at));
    return {
      fault: name,
      times,
      gaps: episodes(gaps.judged),
      excursions: episodes(excursions.judged),
      sales: {
        sales: own.length,
        missing: own.filter(({ times: heard }) => heard === 0).length,
        doubled: own.reduce((sum, { times: heard }) => sum + Math.max(0, heard - 1), 0),
      },
    };
  };
  const names = [...new Set(strikes.map(({ fault }) => fault))].sort();
  return [
    ...names.map((name) => {
      const own = strikes.filter(({ fault }) => fault === name);
      return part(name, own.length, (subject, from, to) => struck(subject, from, to, own));
    }),
    part('none', 0, (subject, from, to) => !struck(subject, from, to, strikes)),
  ];
}
