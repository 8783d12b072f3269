/** Items inside the writer: transitions and rows are one transaction, restarts and faults lose and repeat none. */

import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Bookkeeper } from './bookkeeper.ts';
import type { Delivery } from './contracts/intake.ts';
import { deliver } from './deliveries.ts';
import { openWithBallast } from './journal/full-disk.ts';
import { JournalReader } from './journal/reader.ts';
import { batchOf, Clocks, delivery, openWriter, reading, temporaryFolder, writerOptions } from './writer.fixture.ts';
import type { Writer } from './writer.ts';

const SHIRT = '3074257BF7194E4000001A85';
const SHIRT_URI = 'urn:epc:id:sgtin:0614141.812345.6789';
const PALLET = '3174257BF4499602D2000000';
const MINUTE = 60_000;
const ITEMS = {
  profile: 'default',
  departedAfter: 10 * MINUTE,
  readers: [{ name: 'reader-1', zones: ['floor', 'back'] }],
} as const;

let data: string;
let clocks: Clocks;
let writer: Writer;

beforeEach(() => {
  data = join(temporaryFolder(), 'data');
  clocks = new Clocks();
  writer = openWriter(data, clocks, { items: ITEMS });
});

afterEach(() => writer.close());

function seen(epc: string, zone = 'floor', more: object = {}): Delivery {
  return delivery(
    clocks,
    'rfid',
    'reader-1',
    reading(epc, { zone, antenna: zone === 'floor' ? 1 : 2, rssi_dbm: -60, ...more }),
  );
}

function status(body: object): Delivery {
  return delivery(clocks, 'status', 'reader-1', reading('reader-1', { online: true, ...body }));
}

function events(): { type: string; source: string; subject: string; data: Record<string, unknown> }[] {
  const reader = JournalReader.open(data);
  try {
    return reader.page({ stream: 'items', limit: 2000 }).map(({ type, source, subject, data: text }) => {
      return { type, source, subject, data: JSON.parse(text) as Record<string, unknown> };
    });
  } finally {
    reader.close();
  }
}

function rows(): unknown[] {
  const db = new SQLite(join(data, 'journal.db'), { readonly: true });
  try {
    return db.prepare('SELECT * FROM items ORDER BY epc').all();
  } finally {
    db.close();
  }
}

function restart(change: Parameters<typeof openWriter>[2] = { items: ITEMS }): void {
  writer.close();
  writer = openWriter(data, clocks, change);
}

/** Time passes; the reader says every half minute that it reads, and the writer wakes by itself in between. */
function pass(minutes: number, speaks = true): void {
  for (let half = 0; half < minutes * 2; half += 1) {
    clocks.pass(MINUTE / 2);
    if (speaks) writer.process(batchOf([status({ inventory: true })]));
    writer.tick(true);
  }
}

describe('a tag in a zone', () => {
  it('arrives as an event with what its code says, and has a row', () => {
    const { receipts, figures } = writer.process(batchOf([seen(SHIRT), seen(SHIRT), seen(PALLET)]));
    expect(receipts).toEqual([undefined, undefined, undefined]);
    expect(figures).toMatchObject({ committed: true, items: { known: 2, unreadable: 0 } });
    const common = { zone: 'floor', reader: 'reader-1', antenna: 1, reads: 1, rssi_dbm: -60 };
    expect(events()).toEqual([
      {
        ...{ type: 'retail.items.arrived.v1', source: 'reader-1', subject: SHIRT_URI },
        data: { epc: SHIRT_URI, gtin: '80614141123458', serial: '6789', ...common },
      },
      {
        ...{ type: 'retail.items.arrived.v1', source: 'reader-1', subject: 'urn:epc:id:sscc:0614141.1234567890' },
        data: { epc: 'urn:epc:id:sscc:0614141.1234567890', sscc: '106141412345678908', ...common },
      },
    ]);
    expect(rows()).toMatchObject([
      { epc: SHIRT_URI, zone: 'floor', since: clocks.wallMs, arrived: clocks.wallMs, gtin: '80614141123458' },
      { sscc: '106141412345678908', gtin: null },
    ]);
  });

  it('that is seen again makes nothing: no event, no commit', () => {
    writer.process(batchOf([seen(SHIRT)]));
    const { figures, receipts } = writer.process(
      batchOf([seen(SHIRT), delivery(clocks, 'rfid', 'reader-1', ...many(5))]),
    );
    expect(figures.committed).toBe(false);
    expect(receipts).toEqual([undefined, { outcome: 'accepted', accepted: 5, repeated: 0 }]);
    expect(events()).toHaveLength(1);
  });

  it('is one item, however its code is written', () => {
    const forms = [SHIRT, SHIRT.toLowerCase(), SHIRT_URI, 'urn:epc:tag:sgtin-96:3.0614141.812345.6789'];
    writer.process(batchOf(forms.map((form) => seen(form))));
    expect(events()).toHaveLength(1);
  });

  it('moves, and keeps when it arrived', () => {
    const arrived = clocks.wallMs;
    writer.process(batchOf([seen(SHIRT)]));
    clocks.pass(MINUTE);
    writer.process(batchOf([seen(SHIRT, 'back'), seen(SHIRT, 'back')]));
    expect(events().at(-1)).toMatchObject({
      type: 'retail.items.moved.v1',
      data: { epc: SHIRT_URI, from: 'floor', zone: 'back', antenna: 2, reads: 2 },
    });
    expect(rows()).toMatchObject([{ zone: 'back', since: arrived + MINUTE, arrived, antenna: 2 }]);
  });

  it('departs when its readers were at work and did not see it, and the row goes', () => {
    writer.process(batchOf([seen(SHIRT)]));
    pass(9);
    expect(events()).toHaveLength(1);
    pass(2);
    expect(events().at(-1)).toMatchObject({
      ...{ type: 'retail.items.departed.v1', source: 'reader-1', subject: SHIRT_URI },
      data: { epc: SHIRT_URI, gtin: '80614141123458', zone: 'floor', reader: 'reader-1' },
    });
    expect(rows()).toEqual([]);
  });

  it.each([
    ['of a scheme that is not looked into is tracked by its hex', 'F714A24B3C5D6E7F80112233', 1],
    ['that is no EPC only counts', 'E28011700000020A1234ABCD', 0],
    ['that breaks the standard only counts', '3076625A0000004000000001', 0],
    ['that may be a payment card only counts', '4111111111111111', 0],
    ['that hides a payment card in an asset number only counts', 'urn:epc:id:giai:0614141.4111111111111111', 0],
  ])('%s', (_, epc, told) => {
    const { figures, receipts } = writer.process(batchOf([seen(epc)]));
    expect(receipts).toEqual([undefined]);
    expect(figures.items).toMatchObject({ known: told, unreadable: 1 - told });
    expect(events().map(({ data: { epc: named } }) => named)).toEqual(told === 1 ? [epc] : []);
  });

  it('told of by a record of the past is not there now', () => {
    writer.process(
      batchOf([delivery(clocks, 'rfid', 'reader-1', reading(SHIRT, { zone: 'floor' }, { history: true }))]),
    );
    expect(events()).toEqual([]);
  });
});

it('the writer wakes by itself to see who has departed, once a reader was heard', () => {
  writer.process(batchOf([seen(SHIRT)]));
  writer.tick(true);
  clocks.pass(1000);
  writer.process(batchOf([seen(SHIRT)]));
  const rest = writer.restMs();
  expect(rest).toBeLessThanOrEqual(30_000);
});

describe('nothing empties the shop by mistake', () => {
  it('a reader that is silent for a day', () => {
    writer.process(batchOf([seen(SHIRT)]));
    pass(24 * 60, false);
    expect(events()).toHaveLength(1);
  });

  it('a reader that says that it does not read', () => {
    writer.process(batchOf([seen(SHIRT)]));
    for (let minute = 0; minute < 60; minute += 1) {
      clocks.pass(MINUTE);
      writer.process(batchOf([status({ inventory: false })]));
      writer.tick(true);
    }
    expect(events()).toHaveLength(1);
  });

  it('a restart after a week, and the wall clock stepping by months', () => {
    writer.process(batchOf([seen(SHIRT), seen(PALLET)]));
    writer.close();
    clocks.pass(7 * 24 * 60 * MINUTE);
    writer = openWriter(data, clocks, { items: ITEMS });
    clocks.wallMs += 200 * 24 * 60 * MINUTE;
    pass(9);
    expect(events()).toHaveLength(2);
    // Seen again, it is no news.
    writer.process(batchOf([seen(SHIRT)]));
    pass(9);
    expect(events().map(({ type }) => type)).toEqual([
      'retail.items.arrived.v1',
      'retail.items.arrived.v1',
      'retail.items.departed.v1',
    ]);
    expect(rows()).toMatchObject([{ epc: SHIRT_URI }]);
  });

  it('a stray read after a restart', () => {
    writer.process(batchOf([seen(SHIRT)]));
    restart();
    writer.process(batchOf([seen(SHIRT, 'back', { rssi_dbm: -30, count: 9 })]));
    expect(events()).toHaveLength(1);
    writer.process(batchOf([seen(SHIRT)]));
    expect(events()).toHaveLength(1);
  });
});

it('whatever is seen, and however often it restarts: the rows are what the events tell', () => {
  let state = 11;
  const below = (most: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return (state >> 8) % most;
  };
  const short = { items: { ...ITEMS, departedAfter: MINUTE } };
  restart(short);
  for (let round = 0; round < 150; round += 1) {
    const tags = Array.from({ length: 1 + below(6) }, () => `urn:epc:id:sgtin:0614141.812345.${below(25)}`);
    const zone = ['floor', 'back'][below(2)];
    writer.process(batchOf(tags.map((tag) => seen(tag, zone, { rssi_dbm: -40 - below(40), count: 1 + below(3) }))));
    if (below(3) === 0) pass(1 + below(2), below(4) > 0);
    else clocks.pass(below(5000));
    if (below(12) === 0) restart(short);
  }
  const told = new Map<unknown, unknown>();
  const kinds = new Set<string>();
  for (const { type, data: fact } of events()) {
    kinds.add(type);
    expect(told.get(fact.epc)).toBe(type.includes('arrived') ? undefined : (fact.from ?? fact.zone));
    if (type.includes('departed')) told.delete(fact.epc);
    else told.set(fact.epc, fact.zone);
  }
  expect(kinds.size).toBe(3);
  expect(told.size).toBeGreaterThan(3);
  expect(new Map((rows() as { epc: string; zone: string }[]).map(({ epc, zone }) => [epc, zone]))).toEqual(told);
});

it('what a disk that is full could not keep is told when there is room again', () => {
  writer.close();
  writer = openWriter(data, clocks, { items: ITEMS });
  const db = new SQLite(join(data, 'journal.db'));
  // Nothing can be appended: as on a full disk, the batch fails after the sighting was taken in.
  db.exec("CREATE TRIGGER full BEFORE INSERT ON items BEGIN SELECT RAISE(ABORT, 'no room'); END");
  const failed = writer.process(batchOf([seen(SHIRT)]));
  expect(failed.receipts).toMatchObject([{ outcome: 'refused' }]);
  expect(failed.figures.items.known).toBe(0);
  db.exec('DROP TRIGGER full');
  db.close();
  writer.process(batchOf([seen(SHIRT)]));
  expect(events()).toMatchObject([{ type: 'retail.items.arrived.v1' }]);
});

it('a journal without room for hours empties no shop, though readers say all the time that they read', () => {
  const folder = join(temporaryFolder(), 'data');
  const db = openWithBallast(folder, 4 * 2 ** 30);
  const books = new Bookkeeper(db, writerOptions(folder, { items: ITEMS }));
  books.log.load();
  books.load();
  let elapsed = 0;
  const later = (ms: number): void => {
    elapsed += ms;
    books.begin({ elapsed, wall: clocks.wallMs + elapsed }, true);
  };
  later(0);
  books.open();
  deliver(books, seen(SHIRT), true, undefined);
  deliver(books, status({}), true, undefined);
  for (let half = 0; half < 120; half += 1) {
    later(MINUTE / 2);
    deliver(books, seen(SHIRT), true, 'no room');
    deliver(books, status({ inventory: true }), true, 'no room');
  }
  // A word that is told once is not taken as long as it cannot be kept.
  expect(deliver(books, status({ antennas: { 1: false } }), true, 'no room')).toMatchObject({ outcome: 'not-stored' });
  expect(deliver(books, status({ antennas: { 1: true, 9: false } }), true, 'no room')).toBeUndefined();
  later(MINUTE / 2);
  deliver(books, status({ inventory: true }), true, undefined);
  books.items.sweep(books);
  expect(books.items.figures.known).toBe(1);
  // With room again it is judged as ever.
  for (let half = 0; half < 20; half += 1) {
    later(MINUTE / 2);
    deliver(books, status({ inventory: true }), true, undefined);
  }
  books.items.sweep(books);
  expect(books.items.figures.known).toBe(0);
  db.close();
});

it('what an old journal lacks is added, and readers nobody configured know no zones', () => {
  restart({});
  expect(writerOptions(data).items).toBeUndefined();
  writer.process(batchOf([status({})]));
  expect(writer.process(batchOf([])).figures.items).toEqual({ known: 0, unreadable: 0, turnedAway: 0, dead: [] });
});

function many(count: number) {
  return Array.from({ length: count }, () => reading(SHIRT, { zone: 'floor', antenna: 1, rssi_dbm: -61 }));
}
