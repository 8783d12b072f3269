import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { ANNA, BOB, keyed, Shop } from './shoppers.fixture.ts';
import { batchOf, delivery, reading } from './writer.fixture.ts';

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
