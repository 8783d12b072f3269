/** `offers`: how each campaign does and whether it worked, why there was no offer, what was flagged. Needs no edge. */
import type { Command } from 'commander';
import type { LoadedConfig } from '../../config/loader.ts';
import type { NoOfferReason } from '../contracts/campaigns.ts';
import type { OffersReport } from '../contracts/offers.ts';
import { JournalReader } from '../journal/reader.ts';
import { configOf } from './settings.ts';
import { json, line, table } from './terminal.ts';

const AFTER = `
Columns: MADE offers to shoppers, SEEN shown on a shopper's device, PLAYED shown on a screen, REDEEMED net of refunds.
WITH OFFER and HELD OUT: how many of the shoppers who got the offer bought the product within the campaign's
attribution time, and how many of those who were held out for comparison (campaigns: holdout).
LIFT: of 100 shoppers so many more bought with the offer than without (percentage points); in brackets the range in
which the truth lies in 95 of 100 cases. A range from below 0 to above 0 may be chance.

STATE removed: the campaign left the configuration, its results stay.

Works with the edge running or stopped. Exit code 0, also when there are no campaigns.`;

/** In the order in which somebody can do something about them. */
const REASONS: readonly (readonly [NoOfferReason, string])[] = [
  ['no-stock', 'the product was not on the shelf'],
  ['none-running', 'no campaign ran for that zone'],
  ['used-up', 'capped: nothing was left of the budget or the quantity'],
  ['per-shopper', 'capped: the shopper had as many as are allowed'],
  ['open-offer', 'capped: the shopper still had an open offer'],
  ['excluded', 'capped: the shopper had an offer of a campaign that this one excludes'],
  ['hold-out', 'held out on purpose, for comparison'],
  ['no-consent', 'no consent: sightings of shoppers who have not consented'],
];

const MOST_FLAGS = 10;
const MOST_PLACES = 3;

export function addOffers(program: Command): void {
  program
    .command('offers')
    .description('location offers: how each campaign does, why there was no offer, what was flagged')
    .option('--json', 'print one JSON object, with the evidence of each flag')
    .addHelpText('after', AFTER)
    .action(async (options: { json?: boolean }, command: Command) => {
      const loaded = configOf(command);
      const report = read(loaded);
      if (options.json) await json(report);
      else await line(text(report, loaded));
    });
}

function read({ config }: LoadedConfig): OffersReport {
  const { data_dir, campaigns, planogram, timezone } = config;
  const reader = JournalReader.open(data_dir);
  try {
    const wall = Date.now();
    return reader.offers({ campaigns, planogram, timezone, wall, today: localTime(wall, timezone).slice(0, 10) });
  } finally {
    reader.close();
  }
}

/** `YYYY-MM-DD hh:mm` of the store. */
function localTime(ms: number, timeZone: string): string {
  return new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' }).format(ms);
}

function text({ campaigns, none, flags }: OffersReport, { config, file }: LoadedConfig): string {
  const parts = [campaigns.length > 0 ? campaignTable(campaigns) : `no campaigns in ${file}`];
  if (none.length > 0) parts.push(`Why there was no offer (last 7 days)\n${reasonTable(none)}`);
  if (flags.length > 0) {
    const rows = flags
      .slice(0, MOST_FLAGS)
      .map(({ time, reason, text: said }) => [localTime(Date.parse(time), config.timezone), reason, printable(said)]);
    const more = flags.length > MOST_FLAGS ? `\n... and ${flags.length - MOST_FLAGS} more: --json shows them` : '';
    parts.push(`Flagged: look at these\n${table(rows)}${more}`);
  }
  return parts.join('\n\n');
}

function campaignTable(campaigns: OffersReport['campaigns']): string {
  const head = ['CAMPAIGN', 'STATE', 'MADE', 'SEEN', 'PLAYED', 'REDEEMED', 'WITH OFFER', 'HELD OUT', 'LIFT'];
  const rows = campaigns.map((campaign) => {
    const { made, seen, played, redeemed, treated, holdout } = campaign;
    const { quantity, budget } = campaign;
    return [
      ...[campaign.campaign, campaign.state, outOf(made, budget), String(seen), String(played)],
      ...[outOf(redeemed, quantity), `${treated.buyers} of ${treated.shoppers}`],
      ...[`${holdout.buyers} of ${holdout.shoppers}`, liftText(campaign)],
    ];
  });
  return table([head, ...rows]);
}

function outOf(count: number, limit: number | undefined): string {
  return limit === undefined ? String(count) : `${count}/${limit}`;
}

function liftText({ lift, held_out, holdout }: OffersReport['campaigns'][number]): string {
  if (lift === null) return held_out === undefined && holdout.shoppers === 0 ? 'no hold-out group' : 'not enough yet';
  const { difference, low, high } = lift;
  return `${points(difference)} points (${points(low)} to ${points(high)})`;
}

/** A share as percentage points, with its sign. */
function points(share: number): string {
  const rounded = Math.round(share * 1000) / 10;
  return `${rounded > 0 ? '+' : ''}${(rounded === 0 ? 0 : rounded).toFixed(1)}`;
}

function reasonTable(none: OffersReport['none']): string {
  return table(
    REASONS.flatMap(([reason, words]) => {
      const moments = none.filter((moment) => moment.reason === reason);
      const total = moments.reduce((sum, { count }) => sum + count, 0);
      return total === 0 ? [] : [[String(total), words, places(moments)]];
    }),
  );
}

/** By campaign, or by zone where none is meant; the largest first. */
function places(moments: OffersReport['none']): string {
  const counts = new Map<string, number>();
  for (const { campaign, zone, count } of moments) {
    const name = campaign ?? (zone === '' ? 'other zones' : zone);
    counts.set(name, (counts.get(name) ?? 0) + count);
  }
  const sorted = [...counts].sort(([, a], [, b]) => b - a);
  const named = sorted.slice(0, MOST_PLACES).map(([name, count]) => `${name} ${count}`);
  return [...named, ...(sorted.length > MOST_PLACES ? ['...'] : [])].join(', ');
}

/** Names in it come from devices: nothing that moves a terminal's cursor. */
function printable(said: string): string {
  return said.replace(/[\p{Cc}\p{Cf}]/gu, '?');
}
