/**
 * Location offers as managers see them, read from journal.db: the effect of each campaign, why there was no offer, and
 * what was flagged. Works with the edge running or stopped, so the day and the time come from who asks.
 */
import type { Statement } from 'better-sqlite3';
import type { Campaign, NoOfferReason } from '../contracts/campaigns.ts';
import { type CampaignCounts, effectOf } from '../contracts/lift.ts';
import type { CampaignState, OffersReport } from '../contracts/offers.ts';

/** What a report is asked about. */
export interface OffersQuestion {
  readonly campaigns: readonly Campaign[];
  /** Without it nothing is said of shelves. */
  readonly planogram?: readonly { readonly zone: string; readonly gtin: string }[];
  /** Of the store, for whoever shows the report. */
  readonly timezone?: string;
  /** The store's calendar day, `YYYY-MM-DD`. */
  readonly today: string;
  /** Epoch ms. */
  readonly wall: number;
}

/** How a statement of the reader's connection is had. */
export type Prepare = (sql: string) => Statement;

const DAY_MS = 86_400_000;
const NONE_DAYS = 7;
const MOST_NONE = 2000;
const MOST_FLAGS = 50;
const MOST_REMOVED = 20;

const NO_COUNTS: CampaignCounts = {
  ...{ made: 0, withdrawn: 0, seen: 0, played: 0, redeemed: 0 },
  ...{ treated_shoppers: 0, treated_buyers: 0, holdout_shoppers: 0, holdout_buyers: 0 },
};

type Flag = OffersReport['flags'][number];

export class OffersReader {
  readonly #prepare: Prepare;

  constructor(prepare: Prepare) {
    this.#prepare = prepare;
  }

  /** Call it inside one short transaction: the parts must tell of the same commit. */
  report({ campaigns, planogram, timezone, today, wall }: OffersQuestion): OffersReport {
    const open = this.#open(wall);
    return {
      campaigns: [
        ...campaigns.map((campaign) => {
          const { id, zone, gtin, text, from, until, budget, quantity, holdout } = campaign;
          const counts = this.#counts(id);
          return {
            ...effectOf(id, counts),
            ...{ zone, gtin, text, from, until, state: stateOf(campaign, counts, today), open: open.get(id) ?? 0 },
            ...(budget !== undefined && { budget }),
            ...(quantity !== undefined && { quantity }),
            ...(holdout !== undefined && holdout > 0 && { held_out: holdout }),
            ...(planogram?.some((facing) => facing.zone === zone && facing.gtin === gtin) === false && {
              no_shelf: true,
            }),
          };
        }),
        ...this.#removed(campaigns, open),
      ],
      none: this.#none(today),
      flags: this.#newestFlags(),
      ...(timezone !== undefined && { timezone }),
    };
  }

  /** Campaigns that left the configuration: what is known of them are their results. */
  #removed(campaigns: readonly Campaign[], open: Map<string, number>): OffersReport['campaigns'] {
    const rows = this.#prepare(
      `SELECT DISTINCT campaign FROM tallies WHERE campaign NOT IN (SELECT value FROM json_each(?)) ORDER BY campaign LIMIT ${MOST_REMOVED}`,
    ).all(JSON.stringify(campaigns.map(({ id }) => id))) as { campaign: string }[];
    return rows.map(({ campaign: id }) => ({
      ...effectOf(id, this.#counts(id)),
      ...{ zone: '', gtin: '', text: '', from: '', until: '', state: 'removed', open: open.get(id) ?? 0 },
    }));
  }

  #counts(campaign: string): CampaignCounts {
    const rows = this.#prepare('SELECT what, count FROM tallies WHERE campaign = ?').all(campaign) as {
      what: string;
      count: number;
    }[];
    return { ...NO_COUNTS, ...Object.fromEntries(rows.map(({ what, count }) => [what, count])) };
  }

  /** Offers to shoppers that stand, by campaign. Since the last commit the elapsed clock went on as the wall clock did. */
  #open(wall: number): Map<string, number> {
    const head = this.#prepare('SELECT elapsed, wall FROM head').get() as { elapsed: number; wall: number } | undefined;
    if (!head) return new Map();
    const elapsed = head.elapsed + Math.max(0, wall - head.wall);
    const rows = this.#prepare(
      "SELECT campaign, count(*) AS count FROM offers WHERE expires_elapsed > ? AND state = 'open' AND audience = 'shopper' GROUP BY campaign",
    ).all(elapsed) as { campaign: string; count: number }[];
    return new Map(rows.map(({ campaign, count }) => [campaign, count]));
  }

  #none(today: string): OffersReport['none'] {
    const first = new Date(Date.parse(today) - (NONE_DAYS - 1) * DAY_MS).toISOString().slice(0, 10);
    const rows = this.#prepare(
      `SELECT day, zone, campaign, reason, count FROM no_offers WHERE day >= ? ORDER BY day DESC, count DESC LIMIT ${MOST_NONE}`,
    ).all(first) as { day: string; zone: string; campaign: string; reason: NoOfferReason; count: number }[];
    return rows.map(({ campaign, ...row }) => ({ ...row, ...(campaign !== '' && { campaign }) }));
  }

  #newestFlags(): Flag[] {
    const rows = this.#prepare(`SELECT data, time, shopper FROM flags ORDER BY id DESC LIMIT ${MOST_FLAGS}`).all();
    return (rows as FlagRow[]).map(toFlag);
  }
}

/** Days are inclusive. What is used up may come back: a refund undoes a redemption. */
function stateOf(campaign: Campaign, counts: CampaignCounts, today: string): CampaignState {
  if (today > campaign.until) return 'ended';
  if (today < campaign.from) return 'planned';
  const { budget = Number.POSITIVE_INFINITY, quantity = Number.POSITIVE_INFINITY } = campaign;
  return counts.made >= budget || counts.redeemed >= quantity ? 'used up' : 'running';
}

interface FlagRow {
  readonly data: string;
  readonly time: number;
  readonly shopper: string | null;
}

function toFlag({ data, time, shopper }: FlagRow): Flag {
  const flag = JSON.parse(data) as Omit<Flag, 'shopper' | 'time'>;
  return { ...flag, ...(shopper !== null && { shopper }), time: new Date(time).toISOString() };
}
