/** For tests: a till in the shop of location-offers.fixture.ts: it asks, sells and takes back. */
import type { Claim, ClaimAnswer } from './contracts/offers.ts';
import { OfferShop } from './location-offers.fixture.ts';
import { delivery, reading, WATER } from './writer.fixture.ts';

export const DAY_OF_TESTS = '2026-11-20';

type Line = readonly [gtin: string, quantity: number | string, kind?: 'sale' | 'return' | 'void'];

export interface Sold {
  readonly till?: string;
  readonly shopper?: string;
  readonly lines?: readonly Line[];
  readonly offer?: string;
  readonly coupon?: string;
  readonly business_day?: string;
  /** Transaction of this day at till-1, or of another. */
  readonly original?: string;
  readonly originalDay?: string;
  readonly device?: string;
  /** Of the device, epoch ms. */
  readonly time?: number;
}

export class TillShop extends OfferShop {
  #sales = 0;

  ask(transaction: string, asked: Partial<Claim>): ClaimAnswer {
    const claim = { till: 'till-1', transaction, business_day: DAY_OF_TESTS, ...asked } as Claim;
    const [answer] = this.hand([], [{ op: 'claim', claim }]).answers;
    if (!answer?.ok) throw new Error(JSON.stringify(answer));
    return answer.value as ClaimAnswer;
  }

  /** `granted`, or why not. */
  claim(transaction: string, asked: Partial<Claim>): string {
    const answer = this.ask(transaction, asked);
    return answer.granted ? 'granted' : answer.reason;
  }

  sell(transaction: string, { till = 'till-1', lines = [[WATER.gtin, 1]], ...sold }: Sold = {}): void {
    this.#sales += 1;
    const { shopper, offer, coupon, original, device = till, time, business_day = DAY_OF_TESTS } = sold;
    const { originalDay = DAY_OF_TESTS } = sold;
    const body = {
      ...{ readingId: `${this.#sales}`, till, transaction, business_day },
      lines: lines.map(([gtin, quantity, kind = 'sale']) => ({ gtin, quantity, uom: 'EA', kind })),
      ...(original !== undefined && {
        original: { till: 'till-1', transaction: original, business_day: originalDay },
      }),
      ...(offer !== undefined && { offer }),
      ...(coupon !== undefined && { coupon }),
    };
    const more = { identity: `sale ${this.#sales}`, time, ...(shopper !== undefined && { shopper }) };
    this.hand([delivery(this.clocks, 'sale', device, reading(`${till}/${transaction}`, body, more))]);
  }

  /** Takes back what `original` sold. */
  refund(transaction: string, original: string, lines: readonly Line[] = [[WATER.gtin, 1, 'return']], more: Sold = {}) {
    this.sell(transaction, { ...more, original, lines });
  }

  /** The shopper gets an offer; its id and its code. */
  offerTo(shopper: string): { id: string; code: string } {
    this.consent(shopper);
    this.visit(shopper);
    const offer = this.sent.at(-1);
    if (!offer?.topic.endsWith(shopper)) throw new Error(`no offer went to ${shopper}`);
    return { id: offer.id, code: offer.code ?? '' };
  }

  /** What was redeemed, refused, attributed and reversed, in order: its kind and what is told in one word. */
  uses(): string[] {
    return this.events('retail.offers.').flatMap(({ type, data }) => {
      const kind = type.split('.')[2] ?? '';
      const receipt = `${data.transaction}`;
      if (kind === 'redeemed') return [`redeemed ${data.by} ${receipt}`];
      if (kind === 'refused') return [`refused ${data.reason} ${receipt}`];
      if (kind === 'attributed') return [`attributed ${receipt}`];
      if (kind === 'reversed') return [`reversed ${data.what} ${receipt}`];
      return [];
    });
  }

  tally(campaign: string): Record<string, number> {
    const rows = this.rows('SELECT campaign, what, count FROM tallies').filter((row) => row.campaign === campaign);
    return Object.fromEntries(rows.map(({ what, count }) => [String(what), Number(count)]));
  }
}
