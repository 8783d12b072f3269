/**
 * Turns what happens into lines a person can follow. For each true gap, for one offer, and now and then for a sale, the
 * whole way is told: what the device said, the event the hub made of it, the alert, and where head office's Kafka has
 * it. Everything else is only counted.
 */
import type { Alert } from '../../edge/contracts/alerts.ts';
import type { Deed, SentReading } from '../devices/device.ts';
import type { Fact } from '../world/facts.ts';
import type { Ledger } from '../world/ledger.ts';
import type { ShopPlan } from '../world/shop-plan.ts';
import type { AlertWatch } from './alert-watch.ts';
import type { HeadOfficeRecord } from './head-office.ts';
import type { FedEvent } from './journal-feed.ts';
import type { Narrator } from './narrator.ts';
import { offerStory } from './offer-story.ts';

/** One sale, and the whole way of one gap, in this time; the first gaps are told in full. */
const SALE_EVERY_MS = 15_000;
const GAP_EVERY_MS = 20_000;
const GAPS_IN_FULL = 2;

/** `store-0042/1m7.../0000000000000042` -> `#42`: short enough for a line. */
function short(eventId: string): string {
  return `#${Number(eventId.split('/').at(-1))}`;
}

/** Enough to lead an alert back to its cause; a long demo must not keep everything. */
const REMEMBERED = 500;

function remember(map: Map<string, string>, key: string, value: string): void {
  if (map.size >= REMEMBERED) map.delete(map.keys().next().value ?? '');
  map.set(key, value);
}

/** Tells the first few of many lines that come at once, as after an outage, and counts the others. */
function burst(tell: (line: string) => void, others: (count: number) => void): (line: string) => void {
  const WINDOW_MS = 400;
  const TOLD = 4;
  let lines = 0;
  return (line) => {
    lines += 1;
    if (lines <= TOLD) tell(line);
    if (lines > 1) return;
    setTimeout(() => {
      if (lines > TOLD) others(lines - TOLD);
      lines = 0;
    }, WINDOW_MS).unref();
  };
}

export interface Story {
  readonly fact: (fact: Fact) => void;
  readonly reading: (reading: SentReading) => void;
  readonly event: (event: FedEvent) => void;
  readonly alert: (topic: string, alert: Alert | undefined) => void;
  readonly offer: (deed: Deed) => void;
  readonly deed: (deed: 'acknowledged' | 'refilled', alert: Alert, count: number) => void;
  readonly record: (record: HeadOfficeRecord) => void;
  readonly defrost: (unit: string, on: boolean) => void;
}

export interface StoryOptions {
  readonly plan: ShopPlan;
  readonly narrator: Narrator;
  readonly ledger: Ledger;
  readonly watch: AlertWatch;
  readonly staff: string;
}

export function story({ plan, narrator, ledger, watch, staff }: StoryOptions): Story {
  const shelves = new Map(plan.shelves.map((shelf) => [shelf.shelf, shelf]));
  /** Shelves whose next reading is worth telling. */
  const awaited = new Set<string>();
  /** Readings that are being followed on their way, by id. */
  const followed = new Set<string>();
  /** What devices said lately, by reading id, and which reading an event came from, by event id. */
  const said = new Map<string, string>();
  const origins = new Map<string, string>();
  let lastSale = Number.NEGATIVE_INFINITY;
  let lastGap = Number.NEGATIVE_INFINITY;
  let gaps = 0;

  const worthTelling = (reading: SentReading): boolean => {
    const { device, text, about } = reading;
    if (offers.follows(reading)) return true;
    if (about !== undefined && awaited.delete(about)) return true;
    if (device !== plan.till || !text.startsWith('sale')) return false;
    if (performance.now() - lastSale < SALE_EVERY_MS) return false;
    lastSale = performance.now();
    return true;
  };
  const arrived = burst(
    (line) => narrator.say('kafka', line),
    (count) => narrator.more(`and ${count} more that this story follows`),
  );
  const offers = offerStory({ plan, narrator, ledger, short, arrived });
  const cause = (eventId: string): string => {
    const words = said.get(origins.get(eventId) ?? '');
    return words ? `${short(eventId)}, when ${words}` : short(eventId);
  };
  return {
    fact(fact) {
      offers.fact(fact);
      if (fact.kind !== 'picked') return;
      const shelf = shelves.get(fact.shelf);
      const left = ledger.onShelf(fact.shelf);
      // Only the taking that opened the gap.
      if (!shelf || left >= shelf.minimum || left + fact.count < shelf.minimum) return;
      gaps += 1;
      if (gaps <= GAPS_IN_FULL || performance.now() - lastGap > GAP_EVERY_MS) {
        lastGap = performance.now();
        awaited.add(shelf.shelf);
      }
      const taken = `${shelf.shelf}, ${shelf.name}: a shopper takes ${fact.count}`;
      narrator.say('shop', `${taken}, ${left} left (minimum ${shelf.minimum})`);
    },
    reading(reading) {
      remember(said, reading.id, `${reading.device} said "${reading.text}"`);
      if (!worthTelling(reading)) return;
      followed.add(reading.id);
      narrator.say('reading', `${reading.device}: ${reading.text}`);
    },
    event(event) {
      const { id, type, data } = event;
      if (data.readingId !== undefined) remember(origins, id, data.readingId);
      const isFollowed = data.readingId !== undefined && followed.has(data.readingId);
      if (isFollowed) narrator.say('event', `${short(id)} ${type} is in the journal`);
      offers.event(event, isFollowed);
    },
    alert(topic, alert) {
      const change = watch.take(topic, alert);
      if (!change) return;
      const { news, seen } = change;
      if (news === 'ended') {
        narrator.say('solved', `${seen.subject}: the alert is resolved`);
      } else if (news === 'reopened') {
        narrator.say('alert', `${alert?.title}: still so, a reminder`);
      } else {
        narrator.say('alert', `${alert?.title}. ${alert?.detail}`);
        const causes = alert?.events.map(cause).join(', ');
        const delay = seen.delay === undefined ? '' : `${seen.delay.toFixed(1)} s after the gap began, `;
        narrator.more(`${delay}because of ${causes}`);
      }
    },
    offer: offers.deed,
    deed(deed, alert, count) {
      if (deed === 'acknowledged') narrator.say('staff', `${staff} acknowledges ${alert.subject} on the phone`);
      else narrator.say('staff', `${staff} brings ${count} from the back room to ${alert.subject}`);
    },
    record(record) {
      const { id, type, subject, readingId, place } = record;
      offers.record(record);
      if (readingId !== undefined && followed.delete(readingId)) arrived(`${place}: ${short(id)}`);
      if (type === 'retail.alerts.raised.v1' || type === 'retail.alerts.resolved.v1') {
        arrived(`${place}: ${short(id)}, alert ${type.split('.')[2]} for ${subject}`);
      }
    },
    defrost(unit, on) {
      narrator.say('shop', on ? `${unit} defrosts` : `${unit} has defrosted`);
    },
  };
}
