/**
 * Shoppers inside the writer's transaction: who has granted consent, under which keyed pseudonym the journal knows them,
 * and when they were last sighted. Nothing about anybody gets past here without consent.
 */
import type { Database, Statement } from 'better-sqlite3';
import type { AcceptedReading, Delivery } from './contracts/intake.ts';
import type { Kind } from './contracts/readings.ts';
import { ShopperKeys } from './journal/shopper-keys.ts';

/** A pseudonym as short as this may be part of any text by chance. */
const TELLING_LENGTH = 6;
/** Who was sighted when is held for so many; of more, those sighted longest ago are forgotten. */
const MOST_SIGHTED = 50_000;
const GENERATION_KEY = 'shopper_keys';
/** In the table `consents`, of a person who is erased and whose key is to be destroyed after the commit. */
const ERASED = -1;

export class Shoppers {
  readonly #keys: ShopperKeys;
  readonly #granted: Statement;
  readonly #setGranted: Statement;
  readonly #forget: Statement;
  readonly #erased: Statement;
  readonly #meta: Statement;
  readonly #setMeta: Statement;
  #sighted = new Map<string, number>();
  #toDestroy: string[] = [];
  #destroyed: string[] = [];
  /** Of shoppers.db: up to where the journal has caught up, and what it says of that. */
  #caughtUp = 0;
  #saved = 0;
  /** Since start: sales whose shopper was left out for want of consent. */
  removed = 0;

  constructor(db: Database, dataDir: string) {
    this.#keys = new ShopperKeys(dataDir);
    this.#granted = db.prepare('SELECT granted FROM consents WHERE shopper = ?').pluck();
    this.#setGranted = db.prepare(
      'INSERT INTO consents (shopper, granted) VALUES (?, ?) ON CONFLICT DO UPDATE SET granted = excluded.granted',
    );
    this.#forget = db.prepare('DELETE FROM consents WHERE shopper = ?');
    this.#erased = db.prepare(`SELECT shopper FROM consents WHERE granted = ${ERASED}`).pluck();
    this.#meta = db.prepare('SELECT value FROM meta WHERE key = ?').pluck();
    this.#setMeta = db.prepare('INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)');
  }

  /** At start, and after a rollback. */
  load(): void {
    this.#keys.rollback();
    this.#saved = Number(this.#meta.get(GENERATION_KEY) ?? 0);
    this.#caughtUp = this.#saved;
    this.#toDestroy = this.#erased.all() as string[];
  }

  /** Consent began anew for everybody, because shoppers.db was damaged. */
  get areLost(): boolean {
    return this.#keys.lost;
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
  admit(kind: Kind, reading: AcceptedReading, elapsed: number): AcceptedReading | undefined {
    const { shopper: pseudonym = '', ...rest } = reading;
    const known = this.#keys.find(pseudonym);
    if (kind === 'consent') return known || isGrant(reading) ? reading : undefined;
    if (!known?.granted) {
      if (kind !== 'sale') return undefined;
      this.removed += 1;
      return withoutName(rest, pseudonym);
    }
    if (kind === 'presence') {
      this.#sight(known.shopper, elapsed);
      return { ...withoutName(rest, pseudonym), subject: known.shopper };
    }
    const told = withoutName(rest, pseudonym);
    return { ...told, body: `${told.body.slice(0, -1)},"shopper":"${known.shopper}"}` };
  }

  /** Consent was told. The data of the event when it changes what is journaled; nothing otherwise. */
  tell(reading: AcceptedReading): { shopper: string; granted: boolean; data: string } | undefined {
    const { shopper: pseudonym = '' } = reading;
    const granted = isGrant(reading);
    const known = this.#keys.tell(pseudonym, granted);
    if (!known || !this.#note(known.shopper, granted)) return undefined;
    const { shopper } = known;
    const { body } = withoutName(reading, pseudonym);
    return { shopper, granted, data: `${body.slice(0, -1)},"shopper":"${shopper}"}` };
  }

  /** Consent of somebody known ends; who calls journals it. */
  withdraw(pseudonym: string): void {
    const known = this.#keys.tell(pseudonym, false);
    if (known) this.#note(known.shopper, false);
  }

  /** What the journal has not been told of yet: after a crash between two commits, or a restore. */
  untold(): { shopper: string; granted: boolean }[] {
    if (this.#keys.generation === this.#caughtUp) return [];
    this.#caughtUp = this.#keys.generation;
    return this.#keys.all().filter(({ shopper, granted }) => {
      const before = this.#granted.get(shopper) as number | undefined;
      // Of a person who withdrew before the journal knew them there is nothing to tell.
      if (before === ERASED || (before === undefined && !granted)) return false;
      return this.#note(shopper, granted);
    });
  }

  /** Marks a person's key for destruction after this commit. The keyed pseudonym, if there is one. */
  erase(pseudonym: string): string | undefined {
    const shopper = this.#keys.find(pseudonym)?.shopper;
    if (shopper === undefined) return undefined;
    this.#setGranted.run(shopper, ERASED);
    this.#toDestroy.push(shopper);
    this.#sighted.delete(shopper);
    return shopper;
  }

  /** Just before the journal's commit. */
  flush(): void {
    this.#keys.flush();
    this.#caughtUp = this.#keys.generation;
    if (this.#saved === this.#caughtUp) return;
    this.#saved = this.#caughtUp;
    this.#setMeta.run(GENERATION_KEY, String(this.#saved));
  }

  /** Keys of erased people are to be destroyed, after the commit that erased them. */
  get hasErased(): boolean {
    return this.#toDestroy.length > 0;
  }

  /** Destroys the keys. Throws SQLite's errors. */
  destroy(): void {
    this.#keys.destroy(this.#toDestroy);
    this.#destroyed.push(...this.#toDestroy);
    this.#toDestroy = [];
  }

  /** In a transaction: whose key is destroyed is not remembered any more. */
  forgetDestroyed(): void {
    for (const shopper of this.#destroyed.splice(0)) this.#forget.run(shopper);
  }

  close(): void {
    this.#keys.close();
  }

  /** Whether the journal knew otherwise. */
  #note(shopper: string, granted: boolean): boolean {
    if ((this.#granted.get(shopper) as number | undefined) === (granted ? 1 : 0)) return false;
    this.#setGranted.run(shopper, granted ? 1 : 0);
    return true;
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
export function deviceOf({ device, readings }: Delivery): string {
  const tells = readings.some(({ shopper }) => shopper !== undefined && isTelling(shopper) && device.includes(shopper));
  return tells ? '***' : device;
}

function isTelling(pseudonym: string): boolean {
  return pseudonym.length >= TELLING_LENGTH;
}

function isGrant({ body }: AcceptedReading): boolean {
  return (JSON.parse(body) as { granted?: boolean }).granted === true;
}

/** A text that a device says beside a pseudonym, without it. */
export function withoutPseudonym(text: string, pseudonym: string | undefined): string {
  if (pseudonym === undefined || !(isTelling(pseudonym) || text === pseudonym)) return text;
  return text.replaceAll(pseudonym, '***');
}

/** Devices put a pseudonym into other fields as well: a reading's id, a transaction. */
function withoutName<R extends { readonly body: string; readonly subject: string }>(reading: R, pseudonym: string): R {
  if (!isTelling(pseudonym)) return reading;
  const { body, subject } = reading;
  const clean = (text: string): string => text.replaceAll(pseudonym, '***');
  if (!subject.includes(pseudonym) && !body.includes(JSON.stringify(pseudonym).slice(1, -1))) return reading;
  const cleaned = JSON.stringify(JSON.parse(body), (_, value) => (typeof value === 'string' ? clean(value) : value));
  return { ...reading, body: cleaned, subject: clean(subject) };
}
