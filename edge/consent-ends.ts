/**
 * What the end of a consent does to the books, whoever brings it: a device, an erasure, or shoppers.db that knows more
 * than the journal. All of it is in the transaction that journals the end.
 */
import type { EventType } from './contracts/events.ts';
import { addressed, shopperTopic } from './notify/offer-topics.ts';
import type { Outbox, OutMessage } from './notify/outbox.ts';
import type { RuleEngine } from './rules/engine.ts';
import { withdrawn } from './rules/location-offer.ts';
import type { OfferBook } from './rules/offer-book.ts';
import type { Decision } from './rules/rule.ts';
import { ZONE_OF } from './sensing/shopper-presence.ts';
import type { Shoppers } from './shoppers.ts';

/** What of the bookkeeper's it concerns. */
interface Books {
  readonly engine: RuleEngine;
  readonly offers: OfferBook;
  readonly outbox: Outbox;
  readonly shoppers: Shoppers;
  readonly remembered: { set(kind: string, key: string, value: unknown): void };
  /** What this batch sends out, and to whom nothing goes of what was to be sent before it. */
  out: OutMessage[];
  readonly silenced: string[];
  dirty: boolean;
  journal(type: EventType, source: string, subject: string, data: Record<string, unknown>): void;
  decide(decision: Decision, decider: string): void;
}

/**
 * Journals what shoppers.db knows and the journal does not, after a crash between two commits, a restore or a salvage.
 * `always`: also where nothing says that there is anything.
 */
export function catchUp(books: Books, always: boolean): void {
  for (const { shopper, granted, gone } of books.shoppers.untold(always)) {
    const data = { granted, scope: 'offers', shopper };
    const journal = (): void => books.journal('retail.shoppers.consent.v1', 'hub', shopper, data);
    if (granted === true) journal();
    if (granted === false) endConsent(books, shopper, journal);
    if (gone === 'erased') books.journal('retail.shoppers.erased.v1', 'hub', shopper, { shopper });
    if (gone !== undefined) forgetShopper(books, shopper);
  }
}

/** Some of those who withdrew long ago are erased, as if they had asked for it. */
export function eraseWithdrawn(books: Books, elapsed: number): void {
  books.shoppers.eraseWithdrawn(elapsed, (shopper) => {
    books.journal('retail.shoppers.erased.v1', 'hub', shopper, { shopper });
    forgetShopper(books, shopper);
  });
  if (books.shoppers.isPending) books.dirty = true;
}

/**
 * `journal` tells of the end. Nothing goes to the shopper any more but what is decided by it, and no offer stands after
 * it. Rules forget what is none of a person's who does not consent; what one of them holds that had failed for this
 * shopper nobody can tell, so that it goes. What the shopper had stays: granting again is no second chance.
 */
export function endConsent(books: Books, shopper: string, journal: () => void): void {
  const stored = shopperTopic(shopper);
  books.outbox.removeTo(stored);
  books.dirty = true;
  const topic = addressed(stored, (keyed) => books.shoppers.pseudonymOf(keyed));
  if (topic !== undefined) books.silenced.push(topic);
  const before = new Set(books.out.filter((message) => message.topic === topic || message.topic === stored));
  journal();
  for (const offer of books.offers.openOf(shopper)) books.decide(withdrawn(offer, 'consent'), 'consent');
  if (before.size > 0) books.out = books.out.filter((message) => !before.has(message));
  for (const key of keysOf(shopper)) books.engine.forget(key, true);
  books.remembered.set(ZONE_OF, shopper, null);
}

/** What rules and the book hold under a keyed pseudonym. */
export function forgetShopper({ engine, offers, remembered }: Books, shopper: string): void {
  for (const key of keysOf(shopper)) engine.forget(key);
  remembered.set(ZONE_OF, shopper, null);
  offers.forgetShopper(shopper);
}

function keysOf(shopper: string): string[] {
  return [shopper, `shopper/${shopper}`];
}
