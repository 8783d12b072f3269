/**
 * Tells the whole way of one offer: the guest consents, walks to the beverages, is sighted, gets an offer on the phone,
 * takes the product, shows the coupon at the till, and the hub attributes the purchase. All later offers are counted.
 */
import { z } from 'zod';
import type { Deed, SentReading } from '../devices/device.ts';
import type { Fact } from '../world/facts.ts';
import type { Ledger } from '../world/ledger.ts';
import type { ShopPlan } from '../world/shop-plan.ts';
import type { HeadOfficeRecord } from './head-office.ts';
import type { FedEvent } from './journal-feed.ts';
import type { Narrator } from './narrator.ts';

/** Offers beside the guest's are counted at most this often. */
const COUNT_EVERY_MS = 15_000;

const offerData = z.object({
  id: z.string().optional(),
  audience: z.string().optional(),
  shopper: z.string().optional(),
  campaign: z.string().optional(),
  gtin: z.string().optional(),
  events: z.array(z.string()).optional(),
});

export interface OfferStory {
  fact(fact: Fact): void;
  /** Whether the way of this reading is to be told. */
  follows(reading: SentReading): boolean;
  /** @param followed it comes of a reading whose way is told */
  event(event: FedEvent, followed: boolean): void;
  deed(deed: Deed): void;
  /** Tells where head office has it, when it is part of this story. */
  record(record: HeadOfficeRecord): void;
}

export interface OfferStoryOptions {
  readonly plan: ShopPlan;
  readonly narrator: Narrator;
  readonly ledger: Ledger;
  readonly short: (eventId: string) => string;
  /** Says where in Kafka something is. */
  readonly arrived: (line: string) => void;
}

/** What is told of a decision, besides its number. */
const DECIDED: Readonly<Record<string, string>> = {
  'retail.offers.made.v1': 'made',
  'retail.offers.redeemed.v1': 'redeemed',
  'retail.offers.attributed.v1': 'attributed',
};

export function offerStory({ plan, narrator, ledger, short, arrived }: OfferStoryOptions): OfferStory {
  const guest = plan.guest?.app;
  /** What happens once only is told once: by its name. */
  const told = new Set<string>();
  /** The guest as the journal knows them, once it does. */
  let keyed: string | undefined;
  /** Decisions of this story, by event id; and places in Kafka that were heard of before the decision was. */
  const decided = new Map<string, string>();
  const early = new Map<string, string>();
  /** What the phone says is told after the offer. */
  let onPhone: (() => void) | undefined;
  const counts = { made: 0, redeemed: 0, attributed: 0 };
  let lastCount = performance.now();
  let countedAt = 0;

  const once = (name: string): boolean => {
    if (told.has(name)) return false;
    told.add(name);
    return true;
  };
  const stockText = (zone: string, gtin: string): string => {
    const shelf = plan.shelves.find((one) => one.gtin === gtin && one.zone === zone);
    return shelf ? `${shelf.shelf} holds ${ledger.onShelf(shelf.shelf)}` : 'nobody knows of its shelf';
  };
  const place = (eventId: string, where: string): void =>
    arrived(`${where}: ${short(eventId)}, offer ${decided.get(eventId)}`);
  const count = (): void => {
    const all = counts.made + counts.redeemed + counts.attributed;
    if (!told.has('attributed') || all === countedAt || performance.now() - lastCount < COUNT_EVERY_MS) return;
    lastCount = performance.now();
    countedAt = all;
    const { made, redeemed, attributed } = counts;
    narrator.say('offer', `so far ${made} made to shoppers, ${redeemed} redeemed, ${attributed} purchases attributed`);
  };
  const decision = ({ id, type, data }: FedEvent, what: string): void => {
    const parsed = offerData.safeParse(data);
    if (!parsed.success) return;
    const { audience, shopper, campaign, gtin = '', events = [] } = parsed.data;
    if (audience === 'zone') return;
    if (what === 'made') counts.made += 1;
    if (what === 'redeemed') counts.redeemed += 1;
    if (what === 'attributed') counts.attributed += 1;
    if (shopper === undefined || shopper !== keyed || !once(what)) {
      count();
      return;
    }
    decided.set(id, what);
    const because = events.length === 0 ? '' : `, because of ${events.map(short).join(', ')}`;
    if (what === 'made') {
      const zone = plan.guest?.zone ?? '';
      narrator.say('offer', `${campaign} for the shopper known as ${shopper.slice(0, 6)}...: ${stockText(zone, gtin)}`);
      narrator.more(`${short(id)} ${type}${because}`);
      onPhone?.();
      onPhone = undefined;
    } else {
      narrator.say('offer', `${short(id)} ${type}: ${campaign}${because}`);
      lastCount = performance.now();
    }
    const where = early.get(id);
    if (where !== undefined) place(id, where);
  };
  return {
    fact(fact) {
      if (!('who' in fact) || guest === undefined || fact.who.app !== guest) return;
      if (fact.kind === 'zone-entered' && once('zone')) narrator.say('shop', `a shopper walks to the ${fact.zone}`);
      if (fact.kind === 'picked' && told.has('made') && once('picked')) {
        const shelf = plan.shelves.find((one) => one.shelf === fact.shelf);
        narrator.say('shop', `the shopper takes ${fact.count} of what was offered: ${shelf?.name}`);
      }
    },
    follows({ shopper, text, device }) {
      if (shopper === undefined || shopper !== guest) return false;
      if (device === plan.till) return text.startsWith('sale') && once('sale');
      return once(device.startsWith('gateway-') ? 'sighted' : 'consent');
    },
    event(event, followed) {
      if (followed && event.type === 'retail.shoppers.consent.v1')
        keyed = offerData.safeParse(event.data).data?.shopper;
      const what = DECIDED[event.type];
      if (what !== undefined) decision(event, what);
    },
    deed(deed) {
      if (deed.app !== guest) return;
      if (deed.kind === 'shown' && once('shown')) {
        const { text, code } = deed.offer;
        const tell = () => narrator.say('phone', `shows "${text}"${code === undefined ? '' : `, code ${code}`}`);
        if (told.has('made')) tell();
        else onPhone = tell;
      }
      if (deed.kind === 'hidden') narrator.say('phone', `the offer is gone: ${deed.reason}`);
      if (deed.kind === 'claimed') {
        const { answer, offer } = deed;
        const word = answer.granted ? `granted (${answer.campaign})` : `refused: ${answer.reason}`;
        narrator.say('till', `${plan.till} asks about the code ${offer.code}: ${word}`);
      }
    },
    record({ id, type, place: where }) {
      if (decided.has(id)) place(id, where);
      else if (DECIDED[type] !== undefined && !told.has('attributed')) early.set(id, where);
    },
  };
}
