/** The shop as rules see it, put together from the planogram, what was sensed, the shoppers and the offer book. */
import { byRank, type Campaign } from './contracts/campaigns.ts';
import type { DeviceConfig } from './contracts/devices.ts';
import type { Facing } from './contracts/planogram.ts';
import { sharedWays } from './device-ways.ts';
import type { OfferViews } from './rules/offer-views.ts';
import type { Views } from './rules/rule.ts';

export interface ShopSources {
  readonly planogram: readonly Facing[];
  readonly campaigns: readonly Campaign[];
  /** Epoch ms -> `YYYY-MM-DD` in the store's time zone. */
  readonly dayAt: (ms: number) => string;
  readonly level: Views['level'];
  readonly shoppers: Pick<Views, 'consented' | 'sighted'>;
  readonly offers: OfferViews;
  readonly devices: readonly DeviceConfig[];
  /** Epoch ms -> the store's date and time, for staff. */
  readonly clockAt: (ms: number) => string;
}

const HOUR_MS = 3_600_000;
const QUARTER_MS = 900_000;

export function shopViews(sources: ShopSources): Omit<Views, 'newId'> {
  const { planogram, dayAt, level, shoppers, offers } = sources;
  const devices = new Map(sources.devices.map((device) => [device.name, device]));
  const ways = new Map(sharedWays(sources.devices).map((way) => [way.name, way]));
  const gateways = sources.devices.filter(({ codec, places }) => codec === 'zigbee2mqtt' && places !== undefined);
  const facings = new Map(planogram.map((facing) => [facing.shelf, facing]));
  const places = new Map<string, Facing[]>();
  for (const facing of planogram) {
    const key = `${facing.zone}\0${facing.gtin}`;
    places.set(key, [...(places.get(key) ?? []), facing]);
  }
  const shelvesOf = (zone: string, gtin: string) => places.get(`${zone}\0${gtin}`) ?? [];
  const campaigns = [...sources.campaigns].sort(byRank);
  const byZone = new Map<string, Campaign[]>();
  for (const campaign of campaigns) byZone.set(campaign.zone, [...(byZone.get(campaign.zone) ?? []), campaign]);
  return {
    facing: (shelf) => facings.get(shelf),
    level,
    shelvesOf,
    onShelf: (zone, gtin) => shelvesOf(zone, gtin).reduce((sum, { shelf }) => sum + (level(shelf)?.count ?? 0), 0),
    campaigns,
    campaignsIn: (zone) => byZone.get(zone) ?? [],
    zones: [...new Set([...planogram, ...campaigns].map(({ zone }) => zone))],
    runs: ({ from, until }, wall) => {
      const day = dayAt(wall);
      return from <= day && day <= until;
    },
    nextDay: (wall) => nextDay(wall, dayAt),
    consented: (shopper) => shoppers.consented(shopper),
    sighted: (shopper) => shoppers.sighted(shopper),
    offers,
    clockAt: sources.clockAt,
    device: (name) => {
      const device = devices.get(name) ?? gateways.find((gateway) => name.startsWith(`${gateway.name}.`));
      if (device !== undefined) return { codec: device.codec, place: placeOf(device) };
      const way = ways.get(name);
      return way && { way };
    },
  };
}

function placeOf({ zone, shelf, unit, line, till }: DeviceConfig): string | undefined {
  return zone ?? shelf ?? unit ?? line ?? till;
}

/** Days have 23 to 25 hours, and begin on a quarter of an hour. */
function nextDay(wall: number, dayAt: (ms: number) => string): number {
  const today = dayAt(wall);
  let at = Math.floor(wall / QUARTER_MS) * QUARTER_MS;
  while (dayAt(at + HOUR_MS) === today) at += HOUR_MS;
  while (dayAt(at) === today) at += QUARTER_MS;
  return at;
}
