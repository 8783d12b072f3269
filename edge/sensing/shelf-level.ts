/** A shelf sensor's reading -> the level of the shelf in items; a level that did not change is no fact. */
import type { Facing } from '../contracts/planogram.ts';
import type { Sensed, SensedReading, SensingViews } from './sensed.ts';

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

export function senseShelf(reading: SensedReading, views: SensingViews): Sensed {
  const body = JSON.parse(reading.body) as ShelfBody;
  const count = itemsOf(body, views.facing(body.shelf));
  const last = views.recall('level', body.shelf) as Level | undefined;
  if (!reading.history && last && last.count === count && last.gtin === body.gtin) return { facts: [], remember: [] };
  const data = {
    shelf: body.shelf,
    gtin: body.gtin,
    count,
    ...(body.readingId === undefined ? {} : { readingId: body.readingId }),
  };
  const level: Level = { gtin: body.gtin, count };
  return {
    facts: [{ type: 'retail.shelves.level.v1', subject: body.shelf, data: JSON.stringify(data) }],
    remember: reading.history ? [] : [['level', body.shelf, level]],
  };
}

/** Items on the shelf: as counted, as the share of its capacity, or by weight: round((gross - tare) / unit weight). */
export function itemsOf(body: Pick<ShelfBody, 'count' | 'fill' | 'weight_g'>, facing: Facing | undefined): number {
  if (body.count !== undefined) return body.count;
  if (body.fill !== undefined) return Math.round(body.fill * (facing?.capacity ?? 0));
  const net = (body.weight_g ?? 0) - (facing?.tare_g ?? 0);
  return Math.max(0, Math.round(net / (facing?.unit_weight_g ?? Number.POSITIVE_INFINITY)));
}
