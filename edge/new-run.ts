/**
 * The first transaction of a run: whose journal it is, and what is new since the last run. Rules hear of changes of the
 * planogram, the campaigns and the devices, and of a salvage; what was set aside gets another chance.
 */
import type { Database } from 'better-sqlite3';
import type { Campaign } from './contracts/campaigns.ts';
import type { DeviceConfig } from './contracts/devices.ts';
import { HubError } from './contracts/errors.ts';
import type { EventType } from './contracts/events.ts';
import type { Facing } from './contracts/planogram.ts';
import { forgetDevices, watchedNames } from './device-news.ts';
import type { Items } from './items.ts';
import type { Now } from './journal/elapsed-clock.ts';
import type { EventLog } from './journal/event-log.ts';
import type { Remembered } from './journal/remembered.ts';
import { LAST_SALVAGE_KEY, SALVAGED_KEY } from './journal/salvage.ts';
import type { AlertTable } from './rules/alert-table.ts';
import type { RuleEngine } from './rules/engine.ts';
import type { OfferBook } from './rules/offer-book.ts';
import type { Views } from './rules/rule.ts';
import type { Liveness } from './sensing/liveness.ts';

/** What of the bookkeeper's it concerns. */
interface Books {
  readonly options: { readonly hub: string; readonly devices: readonly DeviceConfig[] };
  readonly now: Now;
  readonly log: EventLog;
  readonly engine: RuleEngine;
  readonly remembered: Remembered;
  readonly alerts: AlertTable;
  readonly offers: OfferBook;
  readonly items: Items;
  readonly liveness: Liveness;
  readonly views: Pick<Views, 'level'>;
  readonly facings: ReadonlyMap<string, Facing>;
  readonly campaigns: ReadonlyMap<string, Campaign>;
  dirty: boolean;
  journal(type: EventType, source: string, subject: string, data: Record<string, unknown>): void;
  catchUp(always: boolean): void;
}

/** Throws JOURNAL_OTHER_HUB. */
export function beginRun(books: Books, db: Database): void {
  books.dirty = true;
  const select = db.prepare('SELECT value FROM meta WHERE key = ?').pluck();
  const set = db.prepare(
    'INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
  );
  const said = (key: string): string | undefined => select.get(key) as string | undefined;
  const { hub, devices } = books.options;
  const owner = said('hub');
  if (owner !== undefined && owner !== hub) {
    throw new HubError('JOURNAL_OTHER_HUB', `this journal belongs to hub ${owner}, the configuration says ${hub}`);
  }
  if (owner === undefined) set.run('hub', hub);
  if (books.log.incarnation === '') books.log.openIncarnation('new database', books.now);
  books.engine.release();
  tellPlanogram(books, said('planogram') ?? '{}');
  set.run('planogram', JSON.stringify(Object.fromEntries(books.facings)));
  tellCampaigns(books, said('campaigns') ?? '{}');
  set.run('campaigns', JSON.stringify(Object.fromEntries(books.campaigns)));
  forgetDevices(books, said('devices') ?? '[]');
  set.run('devices', JSON.stringify(watchedNames(devices)));
  books.items.open(books);
  books.catchUp(true);
  tellSalvage(books, db);
}

/** Shelves that are new, changed or gone concern the zones where they are or were. */
function tellPlanogram(books: Books, said: string): void {
  const before = JSON.parse(said) as Record<string, Facing>;
  for (const shelf of new Set([...Object.keys(before), ...books.facings.keys()])) {
    const [was, is] = [before[shelf], books.facings.get(shelf)];
    if (JSON.stringify(was) === JSON.stringify(is)) continue;
    // A shelf that is new and has not been heard of concerns no rule yet.
    if (was === undefined && books.views.level(shelf) === undefined) continue;
    const zones = [...new Set([was?.zone, is?.zone].filter((zone) => zone !== undefined))];
    const product = was && { was: { zone: was.zone, gtin: was.gtin } };
    books.journal('local.planogram.changed.v1', 'config', shelf, { shelf, zones, ...product });
  }
}

/** Campaigns that are new, changed or gone concern the zones where they are or were offered. */
function tellCampaigns(books: Books, said: string): void {
  const before = JSON.parse(said) as Record<string, Campaign>;
  for (const id of new Set([...Object.keys(before), ...books.campaigns.keys()])) {
    const [was, is] = [before[id], books.campaigns.get(id)];
    const anew = is !== undefined && books.offers.tallies(is);
    if (JSON.stringify(was) === JSON.stringify(is)) continue;
    const zones = [...new Set([was?.zone, is?.zone].filter((zone) => zone !== undefined))];
    books.journal('local.campaigns.changed.v1', 'config', id, { campaign: id, zones, ...(anew && { anew }) });
  }
}

/** The journal had to be salvaged before this start: rules get their open alerts back, staff hear of it once. */
function tellSalvage(books: Books, db: Database): void {
  const said = db.prepare('DELETE FROM meta WHERE key = ? RETURNING value').pluck().get(SALVAGED_KEY);
  if (typeof said !== 'string') return;
  books.engine.adopt(books.alerts.open());
  db.prepare('INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)').run(LAST_SALVAGE_KEY, said);
  books.journal('local.journal.salvaged.v1', 'journal', books.options.hub, JSON.parse(said));
}
