import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import type { AcceptedReading, Delivery } from './contracts/intake.ts';
import type { Request } from './crossing.ts';
import { JournalReader } from './journal/reader.ts';
import { salvage } from './journal/salvage.ts';
import { batchOf, Clocks, delivery, openWriter, reading, temporaryFolder } from './writer.fixture.ts';
import type { Writer } from './writer.ts';

const ANNA = 'pseudonym-anna-4410';
const BOB = 'pseudonym-bob-9102';

class Shop {
  readonly folder = temporaryFolder();
  readonly clocks = new Clocks();
  writer: Writer = openWriter(this.folder, this.clocks);

  give(...deliveries: Delivery[]) {
    return this.writer.process(batchOf(deliveries));
  }

  ask(request: Request): unknown {
    const [answer] = this.writer.process(batchOf([], [request])).answers;
    if (!answer?.ok) throw new Error(answer?.message);
    return answer.value;
  }

  consent(shopper: string, granted: boolean, more: Partial<AcceptedReading> = {}, device = 'till-1'): Delivery {
    return delivery(this.clocks, 'consent', device, reading('', { granted, scope: 'offers' }, { shopper, ...more }));
  }

  sighted(shopper: string, zone: string, more: Partial<AcceptedReading> = {}, device = 'camera-1'): Delivery {
    return delivery(this.clocks, 'presence', device, reading('', { zone, present: true }, { shopper, ...more }));
  }

  sold(shopper: string, transaction: string, device = 'till-1'): Delivery {
    const body = { readingId: `r-${transaction}`, till: 'till-1', transaction, business_day: '2026-11-20', lines: [] };
    return delivery(this.clocks, 'sale', device, reading(`till-1/${transaction}`, body, { shopper }));
  }

  /** As events that are journaled of these streams, in order. */
  events(...streams: ('shoppers' | 'sales' | 'offers')[]): Record<string, unknown>[] {
    const reader = JournalReader.open(this.folder);
    try {
      return reader
        .page({ limit: 1000 })
        .filter(({ type }) => streams.some((stream) => type.startsWith(`retail.${stream}.`)))
        .map(({ type, source, subject, data }) => ({ type: type.split('.')[2], source, subject, ...JSON.parse(data) }));
    } finally {
      reader.close();
    }
  }

  /** The last word on each keyed pseudonym that head office gets. */
  told(): Record<string, unknown> {
    const consents = this.events('shoppers').filter(({ type }) => type === 'consent');
    return Object.fromEntries(consents.map(({ shopper, granted }) => [shopper, granted]));
  }

  rows(file: string, sql: string): unknown[] {
    const db = new SQLite(join(this.folder, file), { readonly: true });
    try {
      return db.prepare(sql).all();
    } finally {
      db.close();
    }
  }

  bytes(): string {
    return readdirSync(this.folder)
      .map((name) => readFileSync(join(this.folder, name), 'latin1'))
      .join('\n');
  }

  restart(): void {
    this.writer.close();
    this.writer = openWriter(this.folder, this.clocks);
  }

  /** What a copy of one of the databases was, when the writer is closed. */
  copy(file: string): () => void {
    const [from, to] = [join(this.folder, file), join(this.folder, `${file}.copy`)];
    copyFileSync(from, to);
    return () => {
      for (const suffix of ['-wal', '-shm']) rmSync(from + suffix, { force: true });
      copyFileSync(to, from);
    };
  }
}

function keyed(shop: Shop): string {
  const [first] = shop.events('shoppers');
  return String(first?.shopper);
}

describe('without consent', () => {
  it('nothing about anybody is kept: neither sightings, nor a withdrawal, nor who bought', () => {
    const shop = new Shop();
    const before = shop.rows('journal.db', 'SELECT kind, key FROM sensed');
    const reply = shop.give(
      shop.sighted(ANNA, 'beverages', { identity: `presence of ${ANNA}`, time: shop.clocks.wallMs }),
      shop.sighted(ANNA, ANNA),
      shop.consent(ANNA, false, { identity: `consent of ${ANNA}`, time: shop.clocks.wallMs }),
      shop.sold(ANNA, `t-${ANNA.toUpperCase()}-1`, `phone-${ANNA}`),
      shop.sold('"quoted" & spaced', 't-%22quoted%22%20%26%20spaced-2'),
    );
    expect(reply.receipts).toEqual([undefined, undefined, undefined, undefined, undefined]);
    expect(reply.figures.shoppersRemoved).toBe(2);
    expect(shop.events('shoppers')).toEqual([]);
    expect(shop.events('sales')).toMatchObject([
      { subject: 'till-1/t-***-1', source: '***', transaction: 't-***-1' },
      { subject: 'till-1/t-***-2' },
    ]);
    for (const sale of shop.events('sales')) expect(sale).not.toHaveProperty('shopper');
    expect(shop.rows('journal.db', 'SELECT kind, key FROM sensed')).toEqual(before);
    expect(shop.rows('journal.db', 'SELECT * FROM repeats')).toEqual([]);
    expect(shop.rows('shoppers.db', 'SELECT * FROM shoppers')).toEqual([]);
    shop.writer.close();
    expect(shop.bytes().toLowerCase()).not.toContain(ANNA);
    expect(shop.bytes()).not.toContain('quoted');
  });

  it('moments are counted by zones of the shop, never by a name that a device makes up', () => {
    const shop = new Shop();
    shop.give(shop.sighted(ANNA, 'beverages'), shop.sighted(ANNA, ANNA), shop.consent(BOB, true));
    expect(shop.rows('journal.db', 'SELECT zone, reason, count FROM no_offers ORDER BY zone')).toEqual([
      { zone: '', reason: 'no-consent', count: 1 },
      { zone: 'beverages', reason: 'no-consent', count: 1 },
    ]);
    shop.writer.close();
  });

  it('a reading on which the hub fails leaves a letter without its bytes', () => {
    const shop = new Shop();
    shop.give(shop.consent(ANNA, true));
    const body = `{"zone":"${ANNA}","present":true`;
    const broken = delivery(shop.clocks, 'presence', `phone-${ANNA}`, { ...reading('', {}, { shopper: ANNA }), body });
    expect(shop.give(broken).receipts).toMatchObject([{ outcome: 'refused' }]);
    expect(shop.rows('journal.db', 'SELECT device, bytes FROM dead_letters')).toEqual([{ device: '***', bytes: null }]);
    shop.writer.close();
  });
});

describe('consent', () => {
  it('lets sightings and sales be journaled under a name that tells nothing', () => {
    const shop = new Shop();
    shop.give(shop.consent(ANNA, true), shop.sighted(ANNA, 'beverages'), shop.sold(ANNA, `t-${ANNA}`));
    const shopper = keyed(shop);
    expect(shopper).toMatch(/^[0-9a-z]{26}$/);
    expect(shop.events('shoppers', 'sales')).toMatchObject([
      { type: 'consent', source: 'till-1', subject: shopper, granted: true, scope: 'offers', shopper },
      { type: 'present', subject: shopper, zone: 'beverages', present: true, shopper },
      { type: 'sold', transaction: 't-***', shopper },
    ]);
    shop.writer.close();
    expect(readFileSync(join(shop.folder, 'journal.db'), 'latin1')).not.toContain(ANNA);
  });

  it('ends with the transaction of its withdrawal: what follows in the same batch is not kept', () => {
    const shop = new Shop();
    shop.give(shop.consent(ANNA, true), shop.sighted(ANNA, 'beverages'));
    shop.give(shop.consent(ANNA, false), shop.sighted(ANNA, 'dairy'), shop.sold(ANNA, '1'));
    const events = shop.events('shoppers', 'sales');
    expect(events.map(({ type, granted }) => [type, granted])).toEqual([
      ['consent', true],
      ['present', undefined],
      ['consent', false],
      ['sold', undefined],
    ]);
    expect(events[3]).not.toHaveProperty('shopper');
    // Whoever grants again is the same person, but nothing is known of where they are.
    shop.give(shop.consent(ANNA, true), shop.sighted(ANNA, 'beverages'));
    expect(shop.events('shoppers').slice(3)).toMatchObject([{ granted: true }, { zone: 'beverages' }]);
    expect(new Set(shop.events('shoppers').map(({ shopper }) => shopper)).size).toBe(1);
    shop.writer.close();
  });

  it('is what was received last, whatever the devices say of the time', () => {
    const shop = new Shop();
    const { wallMs } = shop.clocks;
    shop.give(
      shop.consent(ANNA, true, { time: wallMs }),
      shop.consent(ANNA, false, { time: wallMs - 86_400_000 }),
      shop.consent(BOB, false, { time: wallMs }, 'till-2'),
      shop.consent(BOB, true, { time: wallMs - 86_400_000 }, 'till-2'),
    );
    shop.give(shop.sighted(ANNA, 'beverages'), shop.sighted(BOB, 'beverages'));
    const words = shop.events('shoppers');
    expect(words.map(({ type, granted }) => [type, granted])).toEqual([
      ['consent', true],
      ['consent', false],
      ['consent', true],
      ['present', undefined],
    ]);
    expect(words[3]?.shopper).toBe(words[2]?.shopper);
    shop.writer.close();
  });

  it('does not come back with a grant that is sent again, not even after a restart', () => {
    const shop = new Shop();
    const grant = () => shop.consent(ANNA, true, { identity: 'shopper g-1' });
    shop.give(grant());
    shop.give(shop.consent(ANNA, false, { identity: 'shopper w-1' }));
    const repeat = [{ outcome: 'accepted', accepted: 0, repeated: 1 }];
    expect(shop.give(grant()).receipts).toEqual(repeat);
    shop.restart();
    expect(shop.give(grant()).receipts).toEqual(repeat);
    expect(shop.ask({ op: 'erase', shopper: ANNA })).toBe(true);
    expect(shop.give(grant()).receipts).toEqual(repeat);
    shop.give(shop.sighted(ANNA, 'beverages'));
    expect(shop.events('shoppers').map(({ type }) => type)).toEqual(['consent', 'consent', 'erased']);
    shop.writer.close();
  });

  it('ends also with a withdrawal under an id that was given before: a device may count from 1 again', () => {
    const shop = new Shop();
    const word = (granted: boolean, id: string) => shop.consent(ANNA, granted, { identity: `shopper ${id}` });
    shop.give(word(true, '1'), word(false, '2'), word(true, '3'));
    expect(shop.give(word(false, '2')).receipts).toEqual([undefined]);
    expect(shop.events('shoppers').map(({ granted }) => granted)).toEqual([true, false, true, false]);
    // Of what is over already it is a repeat, and the older grants stay repeats.
    const repeat = { outcome: 'accepted', accepted: 0, repeated: 1 };
    expect(shop.give(word(false, '2'), word(true, '1'), word(true, '3')).receipts).toEqual([repeat, repeat, repeat]);
    shop.give(word(true, '4'));
    shop.restart();
    // Not even the id of a grant.
    expect(shop.give(word(false, '4')).receipts).toEqual([undefined]);
    expect(shop.give(word(true, '4')).receipts).toEqual([repeat]);
    expect(shop.events('shoppers').map(({ granted }) => granted)).toEqual([true, false, true, false, true, false]);
    shop.writer.close();
  });

  it('makes one event of a word that says nothing new', () => {
    const shop = new Shop();
    shop.give(shop.consent(ANNA, true), shop.consent(ANNA, true));
    expect(shop.give(shop.consent(ANNA, true)).figures.committed).toBe(false);
    expect(shop.events('shoppers')).toHaveLength(1);
    shop.writer.close();
  });
});

describe('a crash between the two commits', () => {
  /** Like one: shoppers.db has what `change` says, the journal does not. */
  function crashed(shop: Shop, change: () => void): void {
    shop.restart();
    shop.writer.close();
    const putBack = shop.copy('journal.db');
    shop.writer = openWriter(shop.folder, shop.clocks);
    change();
    shop.writer.close();
    putBack();
    shop.writer = openWriter(shop.folder, shop.clocks);
  }

  it('loses no grant: the journal is told at the next start', () => {
    const shop = new Shop();
    crashed(shop, () => shop.give(shop.consent(ANNA, true, { identity: 'shopper g-1' })));
    expect(shop.events('shoppers')).toMatchObject([{ type: 'consent', source: 'hub', granted: true }]);
    // It was not acknowledged, and comes again.
    shop.give(shop.consent(ANNA, true, { identity: 'shopper g-1' }), shop.sighted(ANNA, 'beverages'));
    expect(shop.events('shoppers').map(({ type }) => type)).toEqual(['consent', 'present']);
    shop.writer.close();
  });

  it('loses no withdrawal', () => {
    const shop = new Shop();
    shop.give(shop.consent(ANNA, true), shop.sighted(ANNA, 'beverages'));
    crashed(shop, () => shop.give(shop.consent(ANNA, false)));
    expect(shop.events('shoppers')).toMatchObject([{}, {}, { type: 'consent', source: 'hub', granted: false }]);
    shop.give(shop.sighted(ANNA, 'dairy'));
    expect(shop.events('shoppers')).toHaveLength(3);
    shop.writer.close();
  });

  it('loses no erasure: the withdrawal and the tombstone follow', () => {
    const shop = new Shop();
    shop.give(shop.consent(ANNA, true));
    const shopper = keyed(shop);
    crashed(shop, () => expect(shop.ask({ op: 'erase', shopper: ANNA })).toBe(true));
    expect(shop.events('shoppers').slice(1)).toMatchObject([
      { type: 'consent', source: 'hub', granted: false, shopper },
      { type: 'erased', source: 'hub', shopper },
    ]);
    shop.restart();
    expect(shop.events('shoppers')).toHaveLength(3);
    shop.writer.close();
  });

  it('is also what a second commit that fails is: the writer ends, the next one makes it good', () => {
    const shop = new Shop();
    const db = new SQLite(join(shop.folder, 'journal.db'));
    // Written after shoppers.db is committed.
    db.exec(
      "CREATE TRIGGER fault BEFORE INSERT ON meta WHEN NEW.key = 'shopper_keys' BEGIN SELECT RAISE(ABORT, 'fault'); END",
    );
    shop.writer.close();
    shop.writer = openWriter(shop.folder, shop.clocks);
    expect(() => shop.give(shop.consent(ANNA, true))).toThrow('fault');
    expect(shop.events('shoppers')).toEqual([]);
    db.exec('DROP TRIGGER fault');
    db.close();
    shop.restart();
    shop.give(shop.sighted(ANNA, 'beverages'));
    expect(shop.events('shoppers')).toMatchObject([
      { type: 'consent', source: 'hub', granted: true },
      { type: 'present' },
    ]);
    shop.writer.close();
  });
});

describe('what another journal or another shoppers.db brings back', () => {
  it('is no consent that was withdrawn after the backup, and nobody who was erased', () => {
    const shop = new Shop();
    shop.give(shop.consent(ANNA, true), shop.consent(BOB, true));
    const [anna, bob] = shop.events('shoppers').map((event) => String(event.shopper));
    shop.restart();
    shop.writer.close();
    const restore = shop.copy('journal.db');
    shop.writer = openWriter(shop.folder, shop.clocks);
    shop.give(shop.consent(ANNA, false));
    shop.ask({ op: 'erase', shopper: BOB });
    shop.writer.close();
    restore();
    shop.writer = openWriter(shop.folder, shop.clocks);
    expect(shop.events('shoppers').slice(2)).toMatchObject([
      { type: 'consent', granted: false, shopper: anna },
      { type: 'consent', granted: false, shopper: bob },
      { type: 'erased', shopper: bob },
    ]);
    shop.give(shop.sighted(ANNA, 'beverages'), shop.sighted(BOB, 'beverages'));
    expect(shop.events('shoppers')).toHaveLength(5);
    expect(shop.give().figures.shoppersLost).toBe(false);
    shop.writer.close();
  });

  it('is a consent that the backup does not know: it is journaled again', () => {
    const shop = new Shop();
    shop.writer.close();
    const restore = shop.copy('journal.db');
    shop.writer = openWriter(shop.folder, shop.clocks);
    shop.give(shop.consent(ANNA, true), shop.consent(BOB, true), shop.consent(BOB, false));
    shop.writer.close();
    restore();
    shop.writer = openWriter(shop.folder, shop.clocks);
    expect(shop.events('shoppers')).toMatchObject([{ type: 'consent', granted: true, source: 'hub' }]);
    shop.writer.close();
  });

  it('is nobody when shoppers.db is damaged: everybody has withdrawn, head office and health hear of it', () => {
    const shop = new Shop();
    shop.give(shop.consent(ANNA, true), shop.consent(BOB, true), shop.consent(BOB, false), shop.sighted(ANNA, 'dairy'));
    const anna = keyed(shop);
    shop.writer.close();
    writeFileSync(join(shop.folder, 'shoppers.db'), 'no database'.repeat(100));
    shop.writer = openWriter(shop.folder, shop.clocks);
    expect(shop.events('shoppers').slice(4)).toMatchObject([{ type: 'consent', granted: false, shopper: anna }]);
    expect(shop.give(shop.sighted(ANNA, 'beverages')).figures.shoppersLost).toBe(true);
    shop.restart();
    expect(shop.events('shoppers')).toHaveLength(5);
    // Whoever grants again is somebody new.
    shop.give(shop.consent(ANNA, true));
    expect(shop.events('shoppers')[5]?.shopper).not.toBe(anna);
    shop.writer.close();
  });

  it('is nothing that was withdrawn since an older shoppers.db', () => {
    const shop = new Shop();
    shop.give(shop.consent(ANNA, true), shop.consent(BOB, true));
    shop.restart();
    shop.writer.close();
    const putBack = shop.copy('shoppers.db');
    shop.writer = openWriter(shop.folder, shop.clocks);
    shop.give(shop.consent(ANNA, false));
    shop.ask({ op: 'erase', shopper: BOB });
    shop.writer.close();
    putBack();
    shop.writer = openWriter(shop.folder, shop.clocks);
    expect(shop.give(shop.sighted(ANNA, 'dairy'), shop.sighted(BOB, 'dairy')).figures.shoppersLost).toBe(true);
    expect(shop.events('shoppers').map(({ type }) => type)).not.toContain('present');
    expect(shop.rows('shoppers.db', 'SELECT pseudonym, granted FROM shoppers')).toEqual([
      { pseudonym: ANNA, granted: 0 },
    ]);
    shop.writer.close();
  });

  it.each([
    ['who granted', 'DELETE FROM consents WHERE granted = 1', [['consent', true]]],
    ['who is erased', 'DELETE FROM consents WHERE granted = -1', [['erased', undefined]]],
    [
      'an erasure of who had consent',
      'UPDATE consents SET granted = 1 WHERE granted = -1',
      [
        ['consent', false],
        ['erased', undefined],
      ],
    ],
    [
      'whose consent it was',
      "UPDATE consents SET shopper = 'x' || substr(shopper, 2) WHERE granted = 1",
      [
        ['consent', true],
        ['consent', false],
      ],
    ],
  ])('is told the journal at a start that has forgotten %s', (_, damage, expected) => {
    const shop = new Shop();
    shop.give(shop.consent(ANNA, true), shop.consent(BOB, true), shop.consent('dora-9931', true));
    shop.give(shop.consent(BOB, false));
    shop.ask({ op: 'erase', shopper: 'dora-9931' });
    const told = () => shop.events('shoppers').map(({ type, granted }) => [type, granted]);
    const before = told();
    shop.restart();
    expect(told()).toEqual(before);
    shop.writer.close();
    const db = new SQLite(join(shop.folder, 'journal.db'));
    db.exec(damage);
    db.close();
    shop.writer = openWriter(shop.folder, shop.clocks);
    expect(told().slice(before.length)).toEqual(expected);
    shop.writer.close();
  });

  it('is not what a damaged page of the journal says of consent', () => {
    const shop = new Shop();
    shop.give(shop.consent(ANNA, true), shop.consent(ANNA, false), shop.consent(BOB, true));
    const [anna = '', , bob = ''] = shop.events('shoppers').map((event) => String(event.shopper));
    shop.writer.close();
    const db = new SQLite(join(shop.folder, 'journal.db'));
    db.exec(`UPDATE consents SET granted = 1 WHERE shopper = '${anna}'; DELETE FROM consents WHERE shopper = '${bob}';
             INSERT INTO consents (shopper, granted) VALUES ('${'x'.repeat(26)}', 1)`);
    db.close();
    salvage(shop.folder, 'store-0042', 'a test', shop.clocks.wallMs);
    shop.writer = openWriter(shop.folder, shop.clocks);
    shop.give(shop.sighted(ANNA, 'dairy'), shop.sighted(BOB, 'dairy'));
    expect(shop.told()).toEqual({ [anna]: false, [bob]: true, ['x'.repeat(26)]: false });
    expect(shop.events('shoppers').filter(({ type }) => type === 'present')).toMatchObject([{ shopper: bob }]);
    shop.writer.close();
  });
});

describe('an erasure', () => {
  it('ends consent, tells head office, and leaves neither pseudonym nor key', () => {
    const shop = new Shop();
    shop.give(shop.consent(ANNA, true), shop.consent(BOB, true), shop.sighted(ANNA, 'beverages'));
    const shopper = keyed(shop);
    const [row] = shop.rows('shoppers.db', `SELECT key FROM shoppers WHERE keyed = '${shopper}'`) as { key: Buffer }[];
    const key = row?.key.toString('latin1') ?? expect.unreachable();
    expect(shop.bytes()).toContain(ANNA);
    expect(shop.bytes()).toContain(key);
    expect(shop.ask({ op: 'erase', shopper: ANNA })).toBe(true);
    expect(shop.bytes()).not.toContain(ANNA);
    expect(shop.bytes()).not.toContain(key);
    expect(shop.bytes()).toContain(BOB);
    expect(shop.events('shoppers').slice(3)).toMatchObject([
      { type: 'consent', source: 'erase', granted: false, shopper },
      { type: 'erased', source: 'erase', subject: shopper, shopper },
    ]);
    expect(shop.ask({ op: 'erase', shopper: ANNA })).toBe(false);
    expect(shop.ask({ op: 'erase', shopper: 'nobody-knows-her' })).toBe(false);
    shop.give(shop.sighted(ANNA, 'dairy'), shop.sold(ANNA, '1'));
    expect(shop.events('shoppers')).toHaveLength(5);
    expect(shop.events('sales')[0]).not.toHaveProperty('shopper');
    shop.writer.close();
  });

  it('makes somebody new of whoever grants again, even in the same batch', () => {
    const shop = new Shop();
    shop.give(shop.consent(ANNA, true));
    const shopper = keyed(shop);
    const reply = shop.writer.process(
      batchOf(
        [],
        [
          { op: 'erase', shopper: ANNA },
          { op: 'erase', shopper: ANNA },
        ],
      ),
    );
    expect(reply.answers).toMatchObject([{ value: true }, { value: false }]);
    shop.give(shop.consent(ANNA, true), shop.sighted(ANNA, 'dairy'));
    const last = shop.events('shoppers').at(-1);
    expect(last).toMatchObject({ type: 'present' });
    expect(last?.shopper).not.toBe(shopper);
    shop.writer.close();
  });

  it('is not answered before the last copy is gone from the log', () => {
    const shop = new Shop();
    shop.give(shop.consent(ANNA, true));
    const reader = new SQLite(join(shop.folder, 'shoppers.db'), { readonly: true });
    reader.exec('BEGIN');
    reader.prepare('SELECT count(*) FROM shoppers').get();
    expect(() => shop.ask({ op: 'erase', shopper: ANNA })).toThrow('is still in a log');
    reader.close();
    // Housekeeping tries again; whoever asks again hears that there is nobody.
    shop.clocks.pass(11_000);
    shop.writer.tick(true);
    expect(shop.bytes()).not.toContain(ANNA);
    expect(shop.ask({ op: 'erase', shopper: ANNA })).toBe(false);
    shop.writer.close();
  });

  it('tells the till nothing of who claims, and keeps nothing of it', () => {
    const shop = new Shop();
    const claim = {
      till: 'till-1',
      transaction: `t-${ANNA}`,
      business_day: '2026-11-20',
      campaign: 'none',
      shopper: ANNA,
    };
    shop.ask({ op: 'claim', claim });
    expect(shop.events('offers')).toMatchObject([{ type: 'refused', transaction: 't-***' }]);
    expect(shop.events('offers')[0]).not.toHaveProperty('shopper');
    shop.writer.close();
    expect(shop.bytes()).not.toContain(ANNA);
  });
});
