/** A shelf sensor's reading -> the level of the shelf in items; a level that did not change is no fact. */
import type { Facing } from '../contracts/planogram.ts';
import type { Sensed, SensedReading, SensingViews } from './sensed.ts';
import { countByWeight, type Unclear } from './weight-count.ts';

/** What a shelf was last known to hold. */
export interface Level {
  readonly gtin: string;
  readonly count: number;
}

interface ShelfBody {
  readonly shelf: string;
  readonly gtin: string;
  readonly count?: number;
  readonly weight_g?: number;
  readonly fill?: number;
  readonly readingId?: string;
}

/** What was last said of a weight that no number of items explains; null: it is clear again. */
type UnclearMemory = { readonly gtin: string; readonly weight_g: number } | null;

export function senseShelf(reading: SensedReading, views: SensingViews): Sensed {
  const body = JSON.parse(reading.body) as ShelfBody;
  const found = itemsOf(body, views.facing(body.shelf));
  if (typeof found !== 'number') return senseUnclear(body, found, reading.history, views);
  const last = views.recall('level', body.shelf) as Level | undefined;
  const wasUnclear = (views.recall('unclear', body.shelf) as UnclearMemory | undefined) != null;
  if (!reading.history && !wasUnclear && last && last.count === found && last.gtin === body.gtin)
    return { facts: [], remember: [] };
  const data = {
    shelf: body.shelf,
    gtin: body.gtin,
    count: found,
    ...(body.readingId === undefined ? {} : { readingId: body.readingId }),
  };
  const level: Level = { gtin: body.gtin, count: found };
  return {
    facts: [{ type: 'retail.shelves.level.v1', subject: body.shelf, data: JSON.stringify(data) }],
    remember: reading.history
      ? []
      : [['level', body.shelf, level], ...(wasUnclear ? [['unclear', body.shelf, null] as const] : [])],
  };
}

/** The level stays as it was known. A weight that only trembles is no news. */
function senseUnclear(body: ShelfBody, unclear: Unclear, history: boolean, views: SensingViews): Sensed {
  const { shelf, gtin, weight_g = 0, readingId } = body;
  const last = views.recall('unclear', shelf) as UnclearMemory | undefined;
  if (!history && last != null && last.gtin === gtin && Math.abs(last.weight_g - weight_g) <= unclear.tolerance_g)
    return { facts: [], remember: [] };
  const { nearest, residual_g } = unclear;
  const data = { shelf, gtin, weight_g, nearest, residual_g, ...(readingId === undefined ? {} : { readingId }) };
  return {
    facts: [{ type: 'retail.shelves.unclear.v1', subject: shelf, data: JSON.stringify(data) }],
    remember: history ? [] : [['unclear', shelf, { gtin, weight_g }]],
  };
}

/** Items on the shelf: as counted, as the share of its capacity, or by weight. */
function itemsOf(body: Pick<ShelfBody, 'count' | 'fill' | 'weight_g'>, facing: Facing | undefined): number | Unclear {
  if (body.count !== undefined) return body.count;
  if (body.fill !== undefined) return Math.round(body.fill * (facing?.capacity ?? 0));
  return countByWeight(body.weight_g ?? 0, facing);
}
