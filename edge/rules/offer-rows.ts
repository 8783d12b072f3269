/** What the offer book asks of journal.db, and how its rows read. */
import { inGroups } from './offer-code.ts';
import type { KnownOffer, Use } from './offer-views.ts';

export const STATEMENTS = {
  make: "INSERT INTO offers (id, audience, campaign, zone, gtin, text, expires, expires_elapsed, shopper, code, state, events) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'open', ?)",
  // It is kept as long as one that expires now: a campaign of a year must not keep what came and went with a shelf.
  withdraw:
    "UPDATE offers SET state = 'withdrawn', expires_elapsed = min(expires_elapsed, ?) WHERE id = ? AND state = 'open'",
  runOut: "UPDATE offers SET state = 'run-out' WHERE id = ? AND state = 'open'",
  end: "UPDATE offers SET state = ? WHERE id = ? AND state IN ('open', 'run-out')",
  reopen: "UPDATE offers SET state = 'open' WHERE id = ? AND state = 'redeemed'",
  see: 'UPDATE offers SET seen = seen + 1 WHERE id = ?',
  get: 'SELECT * FROM offers WHERE id = ?',
  byCode: 'SELECT * FROM offers WHERE code = ?',
  ofZone: "SELECT * FROM offers WHERE audience = 'zone' AND zone = ? AND state = 'open'",
  ofZones: "SELECT * FROM offers WHERE audience = 'zone' AND state = 'open'",
  openOf:
    "SELECT * FROM offers WHERE shopper = ? AND state = 'open' AND expires_elapsed > ? ORDER BY expires_elapsed DESC, id",
  holdersOf:
    "SELECT DISTINCT shopper FROM offers WHERE gtin = ? AND zone = ? AND state = 'open' AND expires_elapsed > ? AND shopper IS NOT NULL",
  holdersIn:
    "SELECT DISTINCT shopper FROM offers WHERE campaign = ? AND state = 'open' AND expires_elapsed > ? AND shopper IS NOT NULL",
  redeemedLast: "SELECT till || '/' || transaction_id FROM uses WHERE what = 'redeemed' ORDER BY elapsed DESC LIMIT ?",
  use: 'INSERT INTO uses (claim, what, campaign, offer, shopper, gtin, quantity, arm, told_by, till, transaction_id, business_day, reversed, elapsed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?)',
  reverse: 'UPDATE uses SET reversed = 1 WHERE claim = ?',
  usesOf: 'SELECT * FROM uses WHERE till = ? AND transaction_id = ? AND business_day = ?',
  claimsOn:
    "SELECT * FROM uses WHERE till = ? AND transaction_id = ? AND business_day IN (?, ?) AND told_by = 'claim' AND elapsed > ? ORDER BY elapsed DESC",
  redemptionsOf: "SELECT * FROM uses WHERE offer = ? AND what = 'redeemed' AND reversed = 0",
  attributedTo: "SELECT * FROM uses WHERE shopper = ? AND campaign = ? AND what = 'attributed' AND reversed = 0",
  anonymousFlags: 'UPDATE flags SET shopper = NULL WHERE shopper = ?',
  anonymousOffers:
    "UPDATE offers SET shopper = NULL, state = iif(state = 'run-out', 'withdrawn', state) WHERE shopper = ?",
  anonymousUses: 'UPDATE uses SET shopper = NULL WHERE shopper = ?',
  tally: 'SELECT what, count FROM tallies WHERE campaign = ?',
  tallied: 'SELECT fingerprint FROM tallied WHERE campaign = ?',
  tallies:
    'INSERT INTO tallied (campaign, fingerprint) VALUES (?, ?) ON CONFLICT DO UPDATE SET fingerprint = excluded.fingerprint',
  forgetTally: 'DELETE FROM tallies WHERE campaign = ?',
  count:
    'INSERT INTO tallies (campaign, what, count) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET count = excluded.count',
  none: 'INSERT INTO no_offers (day, zone, campaign, reason, count) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count',
  forgetOffers:
    "DELETE FROM offers WHERE id IN (SELECT id FROM offers WHERE expires_elapsed < ? AND NOT (audience = 'zone' AND state = 'open') LIMIT ?)",
  forgetUses: 'DELETE FROM uses WHERE claim IN (SELECT claim FROM uses WHERE elapsed < ? LIMIT ?)',
  flag: 'INSERT INTO flags (elapsed, time, shopper, data) VALUES (?, ?, ?, ?)',
  forgetFlags: 'DELETE FROM flags WHERE elapsed < ? OR id <= (SELECT max(id) FROM flags) - ?',
  forgetNone: 'DELETE FROM no_offers WHERE day < ?',
} as const;

interface OfferRow {
  readonly id: string;
  readonly audience: 'shopper' | 'zone';
  readonly campaign: string;
  readonly zone: string;
  readonly gtin: string;
  readonly text: string;
  readonly expires: string;
  readonly expires_elapsed: number;
  readonly shopper: string | null;
  readonly code: string | null;
  readonly state: KnownOffer['state'];
  readonly seen: number;
}

export function toOffer(found: unknown): KnownOffer | undefined {
  const row = found as OfferRow | undefined;
  if (!row) return undefined;
  const { id, audience, campaign, zone, gtin, text, expires, state, seen } = row;
  return {
    ...{ id, audience, campaign, zone, gtin, text, expires, state, seen, expiresElapsed: row.expires_elapsed },
    ...(row.shopper !== null && { shopper: row.shopper }),
    ...(row.code !== null && { code: inGroups(row.code) }),
  };
}

export interface UseRow {
  readonly claim: string;
  readonly what: Use['what'];
  readonly campaign: string;
  readonly offer: string | null;
  readonly shopper: string | null;
  readonly gtin: string | null;
  readonly quantity: number;
  readonly arm: Use['arm'] | null;
  readonly told_by: Use['by'] | null;
  readonly till: string;
  readonly transaction_id: string;
  readonly business_day: string;
  readonly reversed: number;
}

export function toUse(row: UseRow): Use {
  const { claim, what, campaign, quantity, till, transaction_id, business_day } = row;
  return {
    ...{
      claim,
      what,
      campaign,
      quantity,
      till,
      transaction: transaction_id,
      business_day,
      reversed: row.reversed === 1,
    },
    ...(row.offer !== null && { offer: row.offer }),
    ...(row.shopper !== null && { shopper: row.shopper }),
    ...(row.gtin !== null && { gtin: row.gtin }),
    ...(row.arm !== null && { arm: row.arm }),
    ...(row.told_by !== null && { by: row.told_by }),
  };
}
