/**
 * Turns the afternoon into lines that a person can follow: what truly happened, from the ledger, and below it what the
 * hub made of it, from its alerts, its journal and its offers. What happens often is told once.
 */
import { z } from 'zod';
import type { LedgerRecord } from '../sim/ledger-records.ts';
import type { World } from '../sim/world.ts';
import { type Afternoon, FREEZER } from './afternoon.ts';
import type { AlertNews } from './alert-watch.ts';
import type { Campaign } from './campaigns.ts';
import { gapStory } from './gap-story.ts';
import type { FedEvent } from './journal-feed.ts';
import type { Narrator } from './narrator.ts';
import type { ShownOffer } from './shoppers-app.ts';
import { counted } from './words.ts';

/** Who has the phone. */
export const LEAD = 'Mia';
const REPORT_EVERY_MS = 3_600_000;
const PALLETS_MS = 10 * 60_000;

const climateSchema = z.object({ unit: z.string(), celsius: z.number() });
const attributedSchema = z.object({ campaign: z.string(), quantity: z.number() });

export interface Story {
  opening(): void;
  fact(record: LedgerRecord): void;
  event(event: FedEvent): void;
  alert(news: AlertNews): void;
  offer(offer: ShownOffer): void;
  took(subject: string): void;
}

export interface StoryOptions {
  readonly afternoon: Afternoon;
  readonly campaigns: readonly Campaign[];
  readonly narrator: Narrator;
}

export function story({ afternoon, campaigns, narrator }: StoryOptions): Story {
  const { world, begins } = afternoon;
  const low = afternoon.openGaps();
  const lowAtFirst = new Set(low.filter((shelf) => world.floor.shelvesBy.get(shelf)?.sensor !== 'none'));
  const gaps = gapStory({ world, narrator, begins, lead: LEAD, lowAtFirst });
  const [cold, goods] = [freezerStory(world, narrator), goodsStory(narrator)];
  const report = reports(afternoon, narrator);
  const told = new Set<string>();
  const once = (what: string, tell: () => void): void => {
    if (told.has(what)) return;
    told.add(what);
    tell();
  };
  return {
    opening() {
      const { shelves, file } = world.floor;
      const seen = shelves.filter(({ sensor }) => sensor !== 'none').length;
      const people = `${counted(afternoon.inside(), 'shopper')} and ${file.staff.members} members of staff`;
      narrator.say(
        'shop',
        `${people} are inside; of ${counted(shelves.length, 'shelf', 'shelves')} ${low.length} are low`,
      );
      narrator.say('hub', `sees the ${seen} shelves that have a sensor; ${lowAtFirst.size} of them are low`);
    },
    fact(record) {
      gaps.fact(record);
      cold.fact(record);
      goods.fact(record);
      report.fact(record);
      if (record.kind === 'stolen' && record.how === 'walked-out')
        once('stolen', () => {
          const items = record.goods.reduce((sum, { count }) => sum + count, 0);
          narrator.say('shop', `somebody walks out with ${counted(items, 'item')} unpaid. The hub sees nothing of it`);
        });
    },
    event(event) {
      report.event();
      if (event.type === 'retail.climate.measured.v1') cold.measured(event);
      else if (event.type === 'retail.offers.attributed.v1')
        once('attributed', () => {
          const { campaign, quantity } = attributedSchema.parse(event.data);
          const name = campaigns.find(({ id }) => id === campaign)?.product.name ?? campaign;
          narrator.say('hub', `a member who had the offer pays for ${quantity} ${name}: credited to the campaign`);
        });
    },
    alert(news) {
      if (news.alert.rule === 'shelf-gap') gaps.alert(news);
    },
    offer({ campaign, text }) {
      once('offer', () => {
        const zone = campaigns.find(({ id }) => id === campaign)?.zone ?? '';
        narrator.say('shop', `a member who said yes to offers at the kiosk stops in the zone ${zone}`);
        narrator.say('phone', `shows "${text}", decided by the hub on the spot`);
      });
    },
    took(subject) {
      gaps.took(subject);
    },
  };
}

/** The freezer whose compressor fails. */
function freezerStory(world: World, narrator: Narrator) {
  const state = { failed: false, tooWarm: false };
  const { limit } = world.unit(FREEZER).plan;
  return {
    fact(record: LedgerRecord): void {
      if (record.kind !== 'temperature' || record.unit !== FREEZER) return;
      const { why, celsius, product_celsius } = record;
      if (why === 'failed') {
        state.failed = true;
        narrator.say('shop', `the compressor of freezer ${FREEZER} fails; its air is at ${degrees(celsius)}`);
      } else if (why === 'repaired') {
        state.failed = false;
        const core = `the goods reached ${degrees(product_celsius)} at the core`;
        narrator.say('shop', `freezer ${FREEZER} is repaired; its air was at ${degrees(celsius)}, ${core}`);
      }
    },
    measured({ data }: FedEvent): void {
      const measured = climateSchema.safeParse(data);
      if (!measured.success || measured.data.unit !== FREEZER) return;
      const { celsius } = measured.data;
      if (state.failed && !state.tooWarm && celsius > limit) {
        state.tooWarm = true;
        const rule = 'head office learns of it; no rule watches the cold chain yet';
        narrator.say('hub', `measures ${degrees(celsius)} in ${FREEZER} (limit ${degrees(limit)}): ${rule}`);
      } else if (state.tooWarm && !state.failed && celsius < limit) {
        state.tooWarm = false;
        narrator.say('hub', `measures ${degrees(celsius)} in ${FREEZER} again`);
      }
    },
  };
}

/** The lorry. */
function goodsStory(narrator: Narrator) {
  const lorry = { pallets: 0, advised: 0, received: 0, first: 0, told: false };
  return {
    fact(record: LedgerRecord): void {
      if (record.kind === 'delivered') {
        if (lorry.pallets === 0) lorry.first = record.ms;
        lorry.pallets += 1;
        for (const { advised, received } of record.lines) {
          lorry.advised += advised;
          lorry.received += received;
        }
      }
      if (lorry.told || lorry.pallets === 0 || record.ms - lorry.first < PALLETS_MS) return;
      lorry.told = true;
      const { pallets, advised, received } = lorry;
      const short = received === advised ? '' : ` (${advised.toLocaleString('en-US')} were announced)`;
      const goods = `${counted(pallets, 'pallet')} so far, ${counted(received, 'item')}${short}`;
      narrator.say('shop', `a lorry unloads: ${goods}. The hub sees them once they stand on shelves`);
    },
  };
}

/** Where the day stands, once in an hour. */
function reports({ begins, world }: Afternoon, narrator: Narrator) {
  const state = { shoppers: 0, sales: 0, events: 0, next: begins + REPORT_EVERY_MS };
  return {
    event(): void {
      state.events += 1;
    },
    fact({ kind, ms }: LedgerRecord): void {
      if (kind === 'entered') state.shoppers += 1;
      if (kind === 'sold') state.sales += 1;
      if (ms < state.next || state.next >= world.endsAt) return;
      state.next += REPORT_EVERY_MS;
      const busy = `${counted(state.shoppers, 'shopper')} came since three, ${counted(state.sales, 'sale')}`;
      narrator.say('shop', `${busy}; the hub's journal has ${counted(state.events, 'event')} of it`);
    },
  };
}

function degrees(celsius: number): string {
  return `${celsius.toFixed(1)} °C`;
}
