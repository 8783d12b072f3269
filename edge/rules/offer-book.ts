/**
 * The offer book: which offers stand, what was redeemed and attributed, and the counts of each campaign. It is written
 * from the events of the stream `offers` in the transaction that journals them, as the table of alerts is from alerts;
 * rules see its read side (offer-views.ts), and so do the command line and the pages.
 */
import type { Database, Statement } from 'better-sqlite3';
import type { z } from 'zod';
import { type Campaign, NO_OFFER_REASONS, type NoOfferReason } from '../contracts/campaigns.ts';
import type { EventType } from '../contracts/events.ts';
import type {
  attributedSchema,
  flaggedSchema,
  offerSchema,
  playedSchema,
  Receipted,
  redeemedSchema,
  refusedClaimSchema,
  reversedSchema,
  seenOfferSchema,
  withdrawnSchema,
  withheldSchema,
} from '../contracts/offers.ts';
import { type CodeMaker, plainCode } from './offer-code.ts';
import { STATEMENTS, toOffer, toUse, type UseRow } from './offer-rows.ts';
import type { KnownOffer, OfferViews, Tally, Use } from './offer-views.ts';
import type { RuleTime } from './rule.ts';

const DAY_MS = 86_400_000;
/** An offer that is past its time explains a late claim this long; what was redeemed can be refunded this long. */
const KEEP_OFFERS_MS = 30 * DAY_MS;
const KEEP_USES_MS = 100 * DAY_MS;
const KEEP_REASONS_DAYS = 30;
const KEEP_FLAGS_MS = 90 * DAY_MS;
const MOST_FLAGS = 1000;
/** A till that asks again within this time is answered, and nothing more is journaled. */
const SAME_REFUSAL_MS = DAY_MS;
const MOST_REFUSED = 5000;
const FORGET_CHUNK = 500;
/** Each finds a code taken about once in a million times. */
const MOST_ATTEMPTS = 8;
/** So many receipts that redeemed something are looked out for in the sales that follow. */
const MOST_EXPECTED = 20_000;

const EMPTY: Tally = {
  ...{ made: 0, withheld: 0, withdrawn: 0, seen: 0, played: 0, redeemed: 0 },
  ...{ treated_shoppers: 0, treated_buyers: 0, holdout_shoppers: 0, holdout_buyers: 0 },
};

export class OfferBook implements OfferViews {
  readonly #codes: CodeMaker;
  readonly #run: Readonly<Record<keyof typeof STATEMENTS, Statement>>;
  /** Elapsed ms at which this transaction began. */
  #elapsed = 0;
  /** Tallies by campaign, as they are in the database or will be with this transaction. */
  #tallies = new Map<string, Tally>();
  /** What the screens of a zone show, asked for with many a level of a shelf; null: nothing. */
  readonly #shown = new Map<string, KnownOffer | null>();
  /** `till/transaction` of what was redeemed last, oldest first. */
  #expected = new Set<string>();
  /** What was refused lately, by receipt and what was presented, oldest first: elapsed ms. A restart forgets it. */
  readonly #refused = new Map<string, number>();
  /** Moments without an offer that are not written yet. */
  #none = new Map<string, { day: string; zone: string; campaign: string; reason: NoOfferReason; count: number }>();
  #noneFlushed = false;
  /** Moments without an offer since start, by reason. */
  readonly counted: Record<NoOfferReason, number>;

  constructor(db: Database, codes: CodeMaker) {
    this.#codes = codes;
    this.counted = Object.fromEntries(NO_OFFER_REASONS.map((reason) => [reason, 0])) as typeof this.counted;
    const prepared = Object.entries(STATEMENTS).map(([name, sql]) => [name, db.prepare(sql)]);
    this.#run = Object.fromEntries(prepared) as Record<keyof typeof STATEMENTS, Statement>;
  }

  /** Forgets what is in memory: at start, and after a rollback. */
  load(): void {
    this.#tallies.clear();
    this.#shown.clear();
    this.#refused.clear();
    this.#noneFlushed = false;
    this.#expected = new Set((this.#run.redeemedLast.pluck().all(MOST_EXPECTED) as string[]).reverse());
  }

  /**
   * A campaign of the configuration: its counts go on, also if it was away for a while. Of another one under the same id
   * (it begins on another day, in another zone or with another product) they begin anew: then true.
   */
  tallies({ id, from, zone, gtin }: Campaign): boolean {
    const fingerprint = JSON.stringify([from, zone, gtin]);
    const before = this.#run.tallied.pluck().get(id) as string | undefined;
    if (before === fingerprint) return false;
    this.#run.tallies.run(id, fingerprint);
    if (before === undefined) return false;
    this.#tallies.delete(id);
    return this.#run.forgetTally.run(id).changes > 0;
  }

  /** A transaction begins. */
  begin({ elapsed }: RuleTime): void {
    this.#elapsed = elapsed;
  }

  /** An event of the stream `offers` is journaled. `coupon`: offers of its campaign carry a code. */
  apply(type: EventType, data: Readonly<Record<string, unknown>>, coupon: boolean, now: RuleTime): void {
    if (data.audience === 'zone') this.#shown.delete(String(data.zone));
    switch (type) {
      case 'retail.offers.made.v1':
        this.#made(data as z.infer<typeof offerSchema>, coupon, now);
        return;
      case 'retail.offers.withheld.v1': {
        const { campaign, first } = data as z.infer<typeof withheldSchema>;
        this.#add(campaign, { withheld: 1, holdout_shoppers: first ? 1 : 0 });
        return;
      }
      case 'retail.offers.withdrawn.v1': {
        const { id, campaign, audience, reason } = data as z.infer<typeof withdrawnSchema>;
        if (audience === 'shopper' && reason === 'no-stock') this.#run.runOut.run(id);
        else this.#run.withdraw.run(now.elapsed, id);
        this.#add(campaign, { withdrawn: audience === 'shopper' ? 1 : 0 });
        return;
      }
      case 'retail.offers.seen.v1': {
        const { offer, campaign } = data as z.infer<typeof seenOfferSchema>;
        this.#run.see.run(offer);
        this.#add(campaign, { seen: 1 });
        return;
      }
      case 'retail.offers.played.v1':
        this.#add((data as z.infer<typeof playedSchema>).campaign, { played: 1 });
        return;
      case 'retail.offers.redeemed.v1': {
        const use = data as z.infer<typeof redeemedSchema>;
        this.#use('redeemed', use, now);
        if (use.offer !== undefined) this.#run.end.run('redeemed', use.offer);
        this.#expect(`${use.till}/${use.transaction}`);
        this.#add(use.campaign, { redeemed: 1 });
        return;
      }
      case 'retail.offers.refused.v1':
        this.#refuse(data as z.infer<typeof refusedClaimSchema>, now);
        return;
      case 'retail.offers.flagged.v1': {
        const { shopper, events: _, ...flag } = data as z.infer<typeof flaggedSchema>;
        this.#run.flag.run(now.elapsed, now.wall, shopper ?? null, JSON.stringify(flag));
        return;
      }
      case 'retail.offers.attributed.v1': {
        const use = data as z.infer<typeof attributedSchema>;
        this.#use('attributed', use, now);
        this.#add(use.campaign, { [`${use.arm}_buyers`]: use.first ? 1 : 0 });
        return;
      }
      case 'retail.offers.reversed.v1':
        this.#reverse(data as z.infer<typeof reversedSchema>);
        return;
      default:
        return;
    }
  }

  /** A moment without an offer. `day`: the store's calendar day. Written with the next commit that has a reason of its own. */
  none(day: string, zone: string, campaign: string, reason: NoOfferReason): void {
    const key = `${day}\0${zone}\0${campaign}\0${reason}`;
    this.counted[reason] += 1;
    const known = this.#none.get(key);
    if (known) known.count += 1;
    else this.#none.set(key, { day, zone, campaign, reason, count: 1 });
  }

  /** Writes what is only in memory yet. */
  flush(): void {
    for (const { day, zone, campaign, reason, count } of this.#none.values())
      this.#run.none.run(day, zone, campaign, reason, count);
    this.#noneFlushed = true;
  }

  /** A transaction is committed; what it had no reason to flush goes with a later one. */
  committed(): void {
    if (this.#noneFlushed) this.#none.clear();
    this.#noneFlushed = false;
  }

  /** A person is erased: what stands under this keyed pseudonym belongs to nobody now. */
  forgetShopper(shopper: string): void {
    this.#run.anonymousOffers.run(shopper);
    this.#run.anonymousUses.run(shopper);
    this.#run.anonymousFlags.run(shopper);
  }

  /** What is past its time. `day`: the store's calendar day `KEEP_REASONS_DAYS` ago is worked out by the calendar. */
  forgetOld(now: RuleTime): void {
    this.#run.forgetOffers.run(now.elapsed - KEEP_OFFERS_MS, FORGET_CHUNK);
    this.#run.forgetUses.run(now.elapsed - KEEP_USES_MS, FORGET_CHUNK);
    this.#run.forgetFlags.run(now.elapsed - KEEP_FLAGS_MS, MOST_FLAGS);
    this.#run.forgetNone.run(new Date(now.wall - KEEP_REASONS_DAYS * DAY_MS).toISOString().slice(0, 10));
  }

  get(id: string): KnownOffer | undefined {
    return toOffer(this.#run.get.get(id));
  }

  byCode(code: string): KnownOffer | undefined {
    return toOffer(this.#run.byCode.get(plainCode(code)));
  }

  isCode(text: string): boolean {
    return this.#codes.isCode(text);
  }

  isForeign(code: string): boolean {
    return this.#codes.isForeign(code);
  }

  ofZone(zone: string): KnownOffer | undefined {
    const known = this.#shown.get(zone);
    if (known !== undefined) return known ?? undefined;
    const offer = toOffer(this.#run.ofZone.get(zone));
    this.#shown.set(zone, offer ?? null);
    return offer;
  }

  /** Every offer that stands on screens. */
  ofZones(): KnownOffer[] {
    return (this.#run.ofZones.all() as unknown[]).flatMap((row) => toOffer(row) ?? []);
  }

  /** Ids of the events that caused an offer. */
  causesOf(id: string): string[] {
    const row = this.#run.get.get(id) as { events: string } | undefined;
    return row ? (JSON.parse(row.events) as string[]) : [];
  }

  openOf(shopper: string): readonly KnownOffer[] {
    return (this.#run.openOf.all(shopper, this.#elapsed) as unknown[]).flatMap((row) => toOffer(row) ?? []);
  }

  holdersOf(zone: string, gtin: string): readonly string[] {
    return this.#run.holdersOf.pluck().all(gtin, zone, this.#elapsed) as string[];
  }

  holdersIn(campaign: string): readonly string[] {
    return this.#run.holdersIn.pluck().all(campaign, this.#elapsed) as string[];
  }

  digestOf(presented: string): string {
    return this.#codes.digestOf(presented);
  }

  wasRefused(receipt: Receipted, presented: string): boolean {
    const at = this.#refused.get(refusalKey(receipt, presented));
    return at !== undefined && this.#elapsed - at < SAME_REFUSAL_MS;
  }

  expects(sale: string): boolean {
    return this.#expected.has(sale);
  }

  usesOf({ till, transaction, business_day }: Receipted): readonly Use[] {
    return (this.#run.usesOf.all(till, transaction, business_day) as UseRow[]).map(toUse);
  }

  claimsBeside({ till, transaction, business_day }: Receipted, within: number): readonly Use[] {
    const beside = [-DAY_MS, DAY_MS].map((ms) => new Date(Date.parse(business_day) + ms).toISOString().slice(0, 10));
    return (this.#run.claimsOn.all(till, transaction, ...beside, this.#elapsed - within) as UseRow[]).map(toUse);
  }

  redemptionsOf(offer: string): readonly Use[] {
    return (this.#run.redemptionsOf.all(offer) as UseRow[]).map(toUse);
  }

  attributedTo(shopper: string, campaign: string): readonly Use[] {
    return (this.#run.attributedTo.all(shopper, campaign) as UseRow[]).map(toUse);
  }

  tally(campaign: string): Tally {
    const known = this.#tallies.get(campaign);
    if (known) return known;
    const rows = this.#run.tally.all(campaign) as { what: keyof Tally; count: number }[];
    const tally = { ...EMPTY, ...Object.fromEntries(rows.map(({ what, count }) => [what, count])) };
    this.#tallies.set(campaign, tally);
    return tally;
  }

  #made(offer: z.infer<typeof offerSchema>, coupon: boolean, now: RuleTime): void {
    const { id, audience, campaign, zone, gtin, text, expires, shopper, first, events } = offer;
    const elapsed = now.elapsed + Math.max(0, Date.parse(expires) - now.wall);
    const code = coupon && audience === 'shopper' ? this.#freeCode(id) : null;
    const row = [id, audience, campaign, zone, gtin, text, expires, elapsed, shopper ?? null, code];
    this.#run.make.run(...row, JSON.stringify(events));
    if (audience === 'shopper') this.#add(campaign, { made: 1, treated_shoppers: first ? 1 : 0 });
  }

  /** Codes are short enough to meet by chance within a month of coupons. */
  #freeCode(offer: string): string {
    let code = '';
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt += 1) {
      code = plainCode(this.#codes.codeOf(offer, attempt));
      if (this.#run.byCode.get(code) === undefined) break;
    }
    return code;
  }

  #use(
    what: Use['what'],
    use: z.infer<typeof redeemedSchema> | z.infer<typeof attributedSchema>,
    { elapsed }: RuleTime,
  ): void {
    const { claim, campaign, offer, shopper, till, transaction, business_day } = use;
    const bought = 'arm' in use ? { quantity: use.quantity, arm: use.arm } : undefined;
    const what1 = [claim, what, campaign, offer ?? null, shopper ?? null];
    const by = 'by' in use ? use.by : null;
    const what2 = [use.gtin ?? null, bought?.quantity ?? 0, bought?.arm ?? null, by];
    this.#run.use.run(...what1, ...what2, till, transaction, business_day, elapsed);
  }

  #reverse({ claim, what, campaign, offer, shopper, arm, last }: z.infer<typeof reversedSchema>): void {
    this.#run.reverse.run(claim);
    if (what === 'attributed') {
      this.#add(campaign, { [`${arm}_buyers`]: last ? -1 : 0 });
      return;
    }
    // Until it expires the offer can be used again; the event names its shopper only with consent.
    if (offer !== undefined && shopper !== undefined) this.#run.reopen.run(offer);
    this.#add(campaign, { redeemed: -1 });
  }

  #refuse(claim: z.infer<typeof refusedClaimSchema>, { elapsed }: RuleTime): void {
    const key = refusalKey(claim, claim.presented);
    this.#refused.delete(key);
    this.#refused.set(key, elapsed);
    const [oldest] = this.#refused.keys();
    if (this.#refused.size > MOST_REFUSED && oldest !== undefined) this.#refused.delete(oldest);
  }

  #expect(sale: string): void {
    this.#expected.add(sale);
    if (this.#expected.size <= MOST_EXPECTED) return;
    const [oldest] = this.#expected;
    if (oldest !== undefined) this.#expected.delete(oldest);
  }

  #add(campaign: string, changes: Partial<Tally>): void {
    const tally = { ...this.tally(campaign) };
    for (const [what, change] of Object.entries(changes) as [keyof Tally, number][]) {
      if (change === 0) continue;
      tally[what] += change;
      this.#run.count.run(campaign, what, tally[what]);
    }
    this.#tallies.set(campaign, tally);
  }
}

function refusalKey({ till, transaction, business_day }: Receipted, presented: string): string {
  return [till, transaction, business_day, presented].join('\0');
}
