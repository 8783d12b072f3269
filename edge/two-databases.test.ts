/** journal.db and shoppers.db are committed one after the other, and each may be put back alone: neither brings a consent back. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { salvage } from './journal/salvage.ts';
import { ANNA, BOB, keyed, Shop } from './shoppers.fixture.ts';
import { openWriter } from './writer.fixture.ts';

/** One of the two is again what it was before `change`. */
function putBackAfter(shop: Shop, file: string, change: () => void): void {
  shop.restart();
  shop.writer.close();
  const putBack = shop.copy(file);
  shop.writer = openWriter(shop.folder, shop.clocks);
  change();
  shop.writer.close();
  putBack();
  shop.writer = openWriter(shop.folder, shop.clocks);
}

/** Anna withdraws, Bob is erased. */
function leave(shop: Shop): void {
  shop.give(shop.consent(ANNA, false));
  shop.ask({ op: 'erase', shopper: BOB });
}

describe('a crash between the two commits', () => {
  /** Like one: shoppers.db has what `change` says, the journal does not. */
  function crashed(shop: Shop, change: () => void): void {
    putBackAfter(shop, 'journal.db', change);
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
    putBackAfter(shop, 'journal.db', () => leave(shop));
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
    putBackAfter(shop, 'shoppers.db', () => leave(shop));
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
