/**
 * Shoppers inside the writer's transaction: who has granted consent, under which keyed pseudonym the journal knows them,
 * and when they were last sighted. Nothing about anybody gets past here without consent.
 *
 * Whose consent counts is told by shoppers.db alone. What the journal was told is kept in its table `consents`, so that
 * it can be told the rest after a crash between two commits, a restore or a salvage.
 *
 * What stays after a withdrawal, for the refunds of what was bought with offers: the pseudonym in shoppers.db, and under
 * the keyed one the events so far, uses, offers that are over and what was had of each campaign. After 100 days they are
 * erased like anybody who asks for it; in the events the keyed pseudonym stays, which leads to nobody then.
 */
import type { Database, Statement } from 'better-sqlite3';
import { namesIn, withoutName } from './codecs/without-name.ts';
import type { AcceptedReading, Part } from './contracts/intake.ts';
import type { Kind } from './contracts/readings.ts';
import { ShopperKeys } from './journal/shopper-keys.ts';

/** Who was sighted when is held for so many; of more, those sighted longest ago are forgotten. */
const MOST_SIGHTED = 50_000;
const GENERATION_KEY = 'shopper_keys';
/**
 * Refunds may still come for so long (the offer book keeps its uses as long), and tell of a purchase that counted. Then
 * who withdrew is erased.
 */
const WITHDRAWN_MS = 100 * 86_400_000;
/** Of those, at one time. */
const PORTION = 50;
/** In the table `consents`, of a person whose erasure is journaled. */
const ERASED = -1;

/** What the journal has not been told of one shopper. */
interface Untold {
  /** Keyed pseudonym. */
  readonly shopper: string;
  /** Their consent, where the journal has it otherwise. */
  readonly granted?: boolean;
  /** Nobody can tell any more who it is: erased, or unknown to a shoppers.db that was lost or that a backup is older than. */
  readonly gone?: 'erased' | 'unknown';
}

export class Shoppers {
  readonly #keys: ShopperKeys;
  readonly #noted: Statement;
  readonly #note: Statement;
  readonly #forget: Statement;
  readonly #allNoted: Statement;
  readonly #notedList: Statement;
  readonly #meta: Statement;
  readonly #setMeta: Statement;
  #sighted = new Map<string, number>();
  /** Of shoppers.db, as the journal knows it. */
  #generation = 0;
  #isOld = false;
  /** Since start: sales whose shopper was left out for want of consent. */
  removed = 0;

  constructor(db: Database, dataDir: string) {
    this.#noted = db.prepare('SELECT granted FROM consents WHERE shopper = ?').pluck();
    this.#note = db.prepare(
      'INSERT INTO consents (shopper, granted) VALUES (?, ?) ON CONFLICT DO UPDATE SET granted = excluded.granted',
    );
    this.#forget = db.prepare('DELETE FROM consents WHERE shopper = ?');
    this.#allNoted = db.prepare('SELECT shopper, granted FROM consents');
    this.#notedList = db
      .prepare(
        "SELECT coalesce(group_concat(shopper, ''), '') FROM (SELECT shopper FROM consents WHERE granted = ? ORDER BY shopper)",
      )
      .pluck();
    this.#meta = db.prepare('SELECT value FROM meta WHERE key = ?').pluck();
    this.#setMeta = db.prepare('INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)');
    this.#keys = new ShopperKeys(dataDir);
  }

  /** At start, and after a rollback. */
  load(): void {
    this.#keys.rollback();
    this.#generation = Number(this.#meta.get(GENERATION_KEY) ?? 0);
  }

  /** Since start: shoppers.db could not be used as it was, and what it did not hold for certain counts as not granted. */
  get areLost(): boolean {
    return this.#keys.lost || this.#isOld;
  }

  consented(shopper: string): boolean {
    return this.#keys.consented(shopper);
  }

  /** When (elapsed) somebody was last sighted since the start. */
  sighted(shopper: string): number | undefined {
    return this.#sighted.get(shopper);
  }

  pseudonymOf(shopper: string): string | undefined {
    return this.#keys.pseudonymOf(shopper);
  }

  /** The keyed pseudonym of somebody with consent; nothing for anybody else. */
  keyed(pseudonym: string): string | undefined {
    const known = this.#keys.find(pseudonym);
    return known?.granted ? known.shopper : undefined;
  }

  /**
   * A reading that names a shopper, as it may be kept: under the keyed pseudonym with consent; a sale without its
   * shopper, or nothing at all, without.
   */
  admit(kind: Kind, reading: AcceptedReading): AcceptedReading | undefined {
    const { shopper: pseudonym = '', ...rest } = reading;
    const known = this.#keys.find(pseudonym);
    if (kind === 'consent') return known || isGrant(reading) ? reading : undefined;
    if (!known?.granted) {
      if (kind !== 'sale') return undefined;
      this.removed += 1;
      return withoutName(rest, pseudonym);
    }
    if (kind === 'presence') return { ...withoutName(rest, pseudonym), subject: known.shopper };
    const told = withoutName(rest, pseudonym);
    return { ...told, body: `${told.body.slice(0, -1)},"shopper":"${known.shopper}"}` };
  }

  /**
   * Whether a word on consent takes it from somebody who has it. Such a word is never a repeat: nobody's withdrawal may be
   * lost because a device gives an id twice.
   */
  takesConsent(reading: AcceptedReading): boolean {
    return !isGrant(reading) && this.keyed(reading.shopper ?? '') !== undefined;
  }

  /** A new sighting, as it was admitted: whoever is told to be there was there then. */
  sight({ subject, body }: AcceptedReading, elapsed: number): void {
    if ((JSON.parse(body) as { present?: boolean }).present === true) this.#sight(subject, elapsed);
  }

  /** Consent was told. The data of the event when it changes what is journaled; nothing otherwise. */
  tell(reading: AcceptedReading): { shopper: string; granted: boolean; data: string } | undefined {
    const { shopper: pseudonym = '' } = reading;
    const granted = isGrant(reading);
    const known = this.#keys.tell(pseudonym, granted);
    if (!known || !this.#isNews(known.shopper, granted)) return undefined;
    const { shopper } = known;
    const { body } = withoutName(reading, pseudonym);
    return { shopper, granted, data: `${body.slice(0, -1)},"shopper":"${shopper}"}` };
  }

  /**
   * A person's key is destroyed: what the journal holds leads to nobody any more. `inform` is called before that, while
   * the person can still be told. False: nobody is known by this pseudonym.
   */
  erase(pseudonym: string, inform: (shopper: string, had: boolean) => void): boolean {
    const known = this.#keys.find(pseudonym);
    if (!known) return false;
    const { shopper, granted } = known;
    if (granted) this.#keys.set(shopper, false);
    inform(shopper, granted);
    this.#erase(shopper);
    return true;
  }

  /** The same of some of those who withdrew long ago; called now and then. */
  eraseWithdrawn(elapsed: number, inform: (shopper: string) => void): void {
    this.#keys.dateEnds(elapsed, 10 * PORTION);
    for (const shopper of this.#keys.endedBefore(elapsed - WITHDRAWN_MS, PORTION)) {
      inform(shopper);
      this.#erase(shopper);
    }
  }

  /** Something is said that is not on disk yet. */
  get isPending(): boolean {
    return this.#keys.isPending;
  }

  /** What the journal has not been told of. `always`: also where nothing says that there is anything. */
  untold(always = false): Untold[] {
    const { generation } = this.#keys;
    if (!always && generation === this.#generation) return [];
    // A lost or an older shoppers.db must not bring back what was withdrawn since.
    if (generation < this.#generation) {
      this.#isOld = true;
      this.#withdrawAsNoted();
    } else if (generation === this.#generation && this.#agrees()) return [];
    const noted = new Map(this.#allNotes().map(({ shopper, granted }) => [shopper, granted]));
    const known = new Map(this.#keys.all().map(({ shopper, granted }) => [shopper, granted]));
    const found: Untold[] = [];
    for (const [shopper, granted] of known) {
      const before = noted.get(shopper);
      // Of a person who withdrew before the journal knew them there is nothing to tell.
      if (before === (granted ? 1 : 0) || (before === undefined && !granted)) continue;
      if (this.#isNews(shopper, granted)) found.push({ shopper, granted });
    }
    for (const shopper of this.#keys.erased()) {
      const before = noted.get(shopper);
      if (before === ERASED) continue;
      this.#note.run(shopper, ERASED);
      found.push({ shopper, ...(before === 1 && { granted: false }), gone: 'erased' });
    }
    for (const [shopper, granted] of noted) {
      // Who is erased and was not noted so is told of above.
      if (granted === ERASED || known.has(shopper) || this.#noted.get(shopper) === ERASED) continue;
      this.#forget.run(shopper);
      found.push({ shopper, ...(granted === 1 && { granted: false }), gone: 'unknown' });
    }
    return found;
  }

  /** Just before the journal's commit. */
  flush(): void {
    this.#keys.flush();
    if (this.#keys.generation === this.#generation) return;
    this.#generation = this.#keys.generation;
    this.#setMeta.run(GENERATION_KEY, String(this.#generation));
  }

  /** What was deleted may still be read in a log. */
  get areUnwiped(): boolean {
    return this.#keys.isUnwiped;
  }

  /** After the commit that erased somebody. Throws when it cannot be done now. */
  wipe(): void {
    this.#keys.wipe();
  }

  close(): void {
    this.#keys.close();
  }

  #erase(shopper: string): void {
    this.#keys.erase(shopper);
    this.#note.run(shopper, ERASED);
    this.#sighted.delete(shopper);
  }

  /** Whether the journal had it otherwise; from now on it has it so. */
  #isNews(shopper: string, granted: boolean): boolean {
    if ((this.#noted.get(shopper) as number | undefined) === (granted ? 1 : 0)) return false;
    this.#note.run(shopper, granted ? 1 : 0);
    if (!granted) this.#sighted.delete(shopper);
    return true;
  }

  /** A shop has many shoppers, and each start asks this: one text of each side is made by SQLite. */
  #agrees(): boolean {
    const noted = (granted: number): string => this.#notedList.get(granted) as string;
    return (
      noted(1) === this.#keys.list('granted') &&
      noted(0) === this.#keys.list('withdrawn') &&
      noted(ERASED) === this.#keys.list('erased')
    );
  }

  #withdrawAsNoted(): void {
    for (const { shopper, granted } of this.#allNotes()) {
      if (granted === 1 || !this.#keys.knows(shopper)) continue;
      if (granted === ERASED) this.#keys.erase(shopper);
      else if (this.#keys.consented(shopper)) this.#keys.set(shopper, false);
    }
  }

  #allNotes(): { shopper: string; granted: number }[] {
    return this.#allNoted.all() as { shopper: string; granted: number }[];
  }

  #sight(shopper: string, elapsed: number): void {
    this.#sighted.delete(shopper);
    this.#sighted.set(shopper, elapsed);
    if (this.#sighted.size <= MOST_SIGHTED) return;
    const [oldest] = this.#sighted.keys();
    if (oldest !== undefined) this.#sighted.delete(oldest);
  }
}

/** The device of a delivery, unless it bears the pseudonym of somebody whom it tells of. */
export function deviceOf({ device, readings }: Part): string {
  return readings.some(({ shopper }) => shopper !== undefined && namesIn(device, shopper)) ? '***' : device;
}

export function isGrant({ body }: AcceptedReading): boolean {
  return (JSON.parse(body) as { granted?: boolean }).granted === true;
}
