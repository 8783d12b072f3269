/**
 * What truly was the matter with a fridge, as the trade calls it: an excursion is a core of the goods above the limit
 * for 15 minutes without a break. Two that are less than 15 minutes apart are one, so that a fridge that swings about
 * its limit is one excursion and not many that are each too short to count.
 *
 * Air is warm before goods are. Warm air above the limit is no excursion yet, but who calls then is not lying: a spell
 * of warm air foretells the excursion that begins in it, and excuses an alert when nothing came of it, once it lasted
 * 15 minutes. Time in a defrost does not count towards them, nor can a spell begin in one, but of each defrost only the
 * first 30 minutes: a fridge that defrosts for hours is broken.
 */
import type { LedgerRecord } from '../sim/ledger-records.ts';
import type { Episode, Excuse } from './matching.ts';
import type { Span } from './steps.ts';

export const EXCURSION_MS = 15 * 60_000;
const WARM_AIR_MS = 15 * 60_000;
const LONGEST_DEFROST_MS = 30 * 60_000;

interface Unit {
  readonly cores: OpenSpan[];
  readonly warm: OpenSpan[];
  readonly defrosts: OpenSpan[];
}

interface OpenSpan {
  readonly from: number;
  until?: number;
}

export class ColdTruth {
  readonly #units = new Map<string, Unit>();

  take(record: LedgerRecord): void {
    switch (record.kind) {
      case 'excursion-began':
        this.#of(record.unit).cores.push({ from: record.ms });
        break;
      case 'excursion-ended':
        close(this.#of(record.unit).cores, record.ms);
        break;
      case 'air-warmed':
        this.#of(record.unit).warm.push({ from: record.ms });
        break;
      case 'air-cooled':
        close(this.#of(record.unit).warm, record.ms);
        break;
      case 'temperature':
        if (record.why === 'defrost-began') this.#of(record.unit).defrosts.push({ from: record.ms });
        else if (record.why === 'defrost-ended') close(this.#of(record.unit).defrosts, record.ms);
        break;
      default:
    }
  }

  /** @param until when the ledger ends */
  judged(until: number): { readonly excursions: readonly Episode[]; readonly excuses: readonly Excuse[] } {
    const excursions: Episode[] = [];
    const excuses: Excuse[] = [];
    for (const [subject, unit] of this.#units) {
      const defrosts = unit.defrosts.map(({ from, until: over }) => ({
        from,
        until: Math.min(over ?? until, from + LONGEST_DEFROST_MS),
      }));
      const spells = unit.warm.flatMap(({ from, until: over }) => spellOf({ from, until: over ?? until }, defrosts));
      for (const { from, until: ended } of merged(unit.cores)) {
        const spell = spells.find((one) => one.from <= from && from <= one.until);
        excursions.push({ subject, began: from, ended, foretold: spell?.from });
      }
      for (const { from, ripe, until: over } of spells)
        if (ripe !== undefined) excuses.push({ subject, from, ripe, until: over });
    }
    return { excursions, excuses };
  }

  #of(name: string): Unit {
    const unit = this.#units.get(name) ?? { cores: [], warm: [], defrosts: [] };
    this.#units.set(name, unit);
    return unit;
  }
}

function close(spans: OpenSpan[], until: number): void {
  const last = spans.at(-1);
  if (last !== undefined) last.until ??= until;
}

function merged(spans: readonly OpenSpan[]): OpenSpan[] {
  const all: OpenSpan[] = [];
  for (const span of spans) {
    const last = all.at(-1);
    if (last?.until !== undefined && span.from - last.until < EXCURSION_MS) {
      if (span.until === undefined) delete last.until;
      else last.until = span.until;
    } else all.push({ ...span });
  }
  return all;
}

/** `ripe`: when it had lasted long enough outside of defrosts; absent: it never did. */
function spellOf(warm: Span, defrosts: readonly Span[]): (Span & { readonly ripe?: number | undefined })[] {
  let from = warm.from;
  let missing = WARM_AIR_MS;
  let at = warm.from;
  for (const defrost of defrosts) {
    if (defrost.until <= at) continue;
    if (defrost.from >= warm.until) break;
    if (defrost.from <= from) from = defrost.until;
    const counted = Math.max(0, defrost.from - at);
    if (counted >= missing) break;
    missing -= counted;
    at = defrost.until;
  }
  if (from >= warm.until) return [];
  const ripe = at + missing;
  return [{ from, until: warm.until, ripe: ripe <= warm.until ? ripe : undefined }];
}
