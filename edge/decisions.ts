/**
 * What becomes of a decision: it is journaled, the table of alerts or the offer book follows, and what must go out is
 * put into the outbox, all in the transaction of what caused it.
 */
import type { Alert } from './contracts/alerts.ts';
import type { Campaign, NoOfferReason } from './contracts/campaigns.ts';
import type { EventType } from './contracts/events.ts';
import type { Remembered } from './journal/remembered.ts';
import { alertPayload, alertTopic } from './notify/alert-topics.ts';
import { offerIn, offerMessage } from './notify/offer-topics.ts';
import type { Outbox, OutMessage } from './notify/outbox.ts';
import type { AlertTable } from './rules/alert-table.ts';
import type { OfferBook } from './rules/offer-book.ts';
import type { Decision, RuleEvent, RuleTime } from './rules/rule.ts';
import { ZONE_OF } from './sensing/shopper-presence.ts';

/** What of the bookkeeper's a decision concerns. */
interface Books {
  readonly now: RuleTime;
  readonly alerts: AlertTable;
  readonly offers: OfferBook;
  readonly outbox: Outbox;
  readonly remembered: Remembered;
  readonly campaigns: ReadonlyMap<string, Campaign>;
  /** What this batch sends out, and which alerts it changed. */
  readonly out: OutMessage[];
  readonly changed: Alert[];
  /** Of what this batch sends out, the offers to shoppers, by id. */
  readonly offered: Map<string, OutMessage>;
  append(type: EventType, source: string, subject: string, data: string): string;
  noOffer(zone: string, campaign: string, reason: NoOfferReason): void;
}

/** Journals a decision; an alert's change also goes into the table and the outbox. */
export function carryOut(books: Books, decision: Decision, rule: string, causes: readonly string[]): RuleEvent {
  const data: Record<string, unknown> = { ...decision.data, events: causes };
  const id = books.append(decision.type, `rules/${rule}`, decision.subject, JSON.stringify(data));
  if (decision.type.startsWith('retail.alerts.')) {
    const {
      by: _,
      reason: __,
      minutes: ___,
      ...alert
    } = data as unknown as Alert & { by?: string; reason?: string; minutes?: number };
    books.alerts.put(alert, books.now.wall);
    books.out.push(books.outbox.add(alertTopic(alert), alertPayload(alert), true));
    books.changed.push(alert);
  }
  const { type, subject } = decision;
  if (type.startsWith('retail.offers.')) noteOffer(books, type, data);
  if (type === 'retail.shoppers.present.v1') books.remembered.set(ZONE_OF, subject, data.present ? data.zone : null);
  return { id, type, source: `rules/${rule}`, subject, history: false, data };
}

/** What is decided about offers is in the book, and goes out. */
function noteOffer(books: Books, type: EventType, data: Decision['data']): void {
  const campaign = books.campaigns.get(String(data.campaign));
  books.offers.apply(type, data, campaign?.coupon ?? false, books.now);
  if (type === 'retail.offers.withheld.v1') books.noOffer(String(data.zone), String(data.campaign), 'hold-out');
  if (type === 'retail.offers.withdrawn.v1' && data.audience === 'shopper' && isHeldBack(books, String(data.id)))
    return;
  const message = offerMessage(type, data as never, books.offers.get(String(data.id))?.code);
  if (!message) return;
  const out = books.outbox.add(message.topic, message.payload, message.retain);
  books.out.push(out);
  if (type === 'retail.offers.made.v1' && data.audience === 'shopper') books.offered.set(String(data.id), out);
}

/** An offer to a shopper that ends with the batch that made it does not go out at all. */
function isHeldBack({ out, offered, outbox }: Books, id: string): boolean {
  const message = offered.get(id);
  if (!message) return false;
  offered.delete(id);
  const index = out.lastIndexOf(message);
  if (index >= 0) out.splice(index, 1);
  outbox.remove([message.id]);
  return true;
}

/** Of messages, those that make offers to shoppers, by the offer's id. */
export function offersIn(out: readonly OutMessage[]): Map<string, OutMessage> {
  return new Map(out.flatMap((message) => [[offerIn(message) ?? '', message] as const]).filter(([id]) => id !== ''));
}

/** What waited while the hub was down, without offers to shoppers that do not stand any more. */
export function stillGood({ now, offers, outbox }: Pick<Books, 'now' | 'offers' | 'outbox'>): OutMessage[] {
  return outbox.waiting().filter((message) => {
    const id = offerIn(message);
    const offer = id === undefined ? undefined : offers.get(id);
    if (!offer || (offer.state === 'open' && offer.expiresElapsed > now.elapsed)) return true;
    outbox.remove([message.id]);
    return false;
  });
}

/** A zone's offer as it was sent. */
export function standing(books: Pick<Books, 'offers'>, id: string): OutMessage | undefined {
  const offer = books.offers.get(id);
  const message =
    offer && offerMessage('retail.offers.made.v1', { ...offer, events: books.offers.causesOf(id) } as never);
  return message && { ...message, id: 0 };
}
