/**
 * How offers go out over MQTT. A zone's is retained while it stands, for its screens, then cleared. A shopper's is sent
 * once; one that was withdrawn is sent again with `withdrawn`, so that it leaves the phone.
 *
 * In the outbox a shopper's topic holds the keyed pseudonym, marked by an @ that no encoded pseudonym has; the one that
 * devices know is put in as it leaves (`addressed`), so it never lies in the journal.
 */
import type { EventType } from '../contracts/events.ts';

export interface OfferMessage {
  readonly topic: string;
  readonly payload: string;
  readonly retain: boolean;
}

interface OfferData {
  readonly id: string;
  readonly audience: 'shopper' | 'zone';
  readonly campaign: string;
  readonly zone: string;
  readonly gtin: string;
  readonly text: string;
  readonly expires: string;
  readonly shopper?: string;
  readonly reason?: string;
  readonly events: readonly string[];
}

const TO_SHOPPER = 'out/offers/shopper/';
const TO_ZONE = 'out/offers/zone/';

/** What an offer event sends; nothing for events that only count. `code`: of a coupon. */
export function offerMessage(type: EventType, data: OfferData, code?: string): OfferMessage | undefined {
  if (type !== 'retail.offers.made.v1' && type !== 'retail.offers.withdrawn.v1') return undefined;
  const isWithdrawn = type === 'retail.offers.withdrawn.v1';
  const { id, audience, campaign, zone, gtin, text, expires, shopper, reason, events } = data;
  const said = { id, campaign, gtin, text, expires, ...(code !== undefined && { code }), events };
  if (audience === 'zone') {
    const topic = TO_ZONE + encodeURIComponent(zone);
    return { topic, payload: isWithdrawn ? '' : JSON.stringify(said), retain: true };
  }
  const payload = JSON.stringify(isWithdrawn ? { ...said, withdrawn: reason } : said);
  return { topic: shopperTopic(String(shopper)), payload, retain: false };
}

/** Of a keyed pseudonym, as the outbox has it. */
export function shopperTopic(shopper: string): string {
  return `${TO_SHOPPER}@${shopper}`;
}

/** Which offer a message brings to a shopper; nothing: it is none, or takes one back. */
export function offerIn({ topic, payload }: Pick<OfferMessage, 'topic' | 'payload'>): string | undefined {
  if (!topic.startsWith(TO_SHOPPER)) return undefined;
  const { id, withdrawn } = JSON.parse(payload) as { id: string; withdrawn?: string };
  return withdrawn === undefined ? id : undefined;
}

/** The topic as it leaves; nothing when its shopper is erased. */
export function addressed(topic: string, pseudonymOf: (shopper: string) => string | undefined): string | undefined {
  if (!topic.startsWith(`${TO_SHOPPER}@`)) return topic;
  const pseudonym = pseudonymOf(topic.slice(TO_SHOPPER.length + 1));
  return pseudonym === undefined ? undefined : TO_SHOPPER + encodeURIComponent(pseudonym);
}

/** Of what goes out, the messages to screens of zones, with the zone as it is called. */
export function toZones(
  messages: readonly Pick<OfferMessage, 'topic' | 'payload'>[],
): { zone: string; payload: string }[] {
  return messages.flatMap(({ topic, payload }) =>
    topic.startsWith(TO_ZONE) ? [{ zone: decodeURIComponent(topic.slice(TO_ZONE.length)), payload }] : [],
  );
}
