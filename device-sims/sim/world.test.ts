import { expect, test } from 'vitest';
import { replay } from './ledger-replay.fixture.ts';
import { lived, ofKind, WILD } from './world.fixture.ts';

const LIVES = [
  ['fashion', lived('fashion', { days: 3, change: WILD })],
  ['pharmacy', lived('pharmacy', { days: 3, change: WILD })],
  ['supermarket', lived('supermarket')],
] as const;

test.each(LIVES)('%s: items are never made or lost', (_, { world, records }) => {
  const { opening, delivered, ...places } = world.census();
  expect(opening).toBeGreaterThan(1_000);
  expect(delivered).toBeGreaterThan(0);
  expect(Object.values(places).reduce((sum, count) => sum + count, 0)).toBe(opening + delivered);
  expect(ofKind(records, 'ended')).toMatchObject([{ items: world.census() }]);
});

test.each(LIVES)('%s: whoever keeps books from the ledger alone finds every item where it is', (_, lived) => {
  const { world, records } = lived;
  const books = replay(records);
  expect(books.census()).toEqual(world.census());
  for (const shelf of books.shelves()) expect(books.onShelf(shelf)).toBe(world.countOn(shelf));
  const began = ofKind(records, 'gap-began').length;
  expect(began - ofKind(records, 'gap-ended').length).toBe(books.gaps.size);
  expect(began).toBeGreaterThan(0);
});

test('tagged items are where the ledger has them, one by one', () => {
  const [, { world, records }] = LIVES[0];
  const books = replay(records);
  const inShop = new Map<string, string>();
  for (const zone of world.floor.zones.keys()) for (const epc of world.tagsIn(zone)) inShop.set(epc, zone);
  expect(inShop).toEqual(new Map(books.zones));
  const { on_shelves, misplaced, in_back_room, at_dock, with_staff, lying_about } = world.census();
  expect(inShop.size).toBe(on_shelves + misplaced + in_back_room + at_dock + with_staff + lying_about);
  // What was sold or stolen went out by the door.
  const gone = ofKind(records, 'item-moved').filter(({ to }) => to === undefined);
  const { sold, stolen } = world.census();
  expect(gone.length).toBe(sold + stolen);
  expect(gone.every(({ from }) => from === 'entrance')).toBe(true);
});

test.each(LIVES)('%s: times never go back, and are said twice alike', (_, { records }) => {
  let last = 0;
  for (const { ms, time } of records) {
    expect(ms >= last && Date.parse(time) === ms).toBe(true);
    last = ms;
  }
  expect(records.at(-1)?.kind).toBe('ended');
});

test.each(LIVES)('%s: queues serve first come first served, and nobody twice at once', (_, { records }) => {
  const waiting = new Map<string, number[]>();
  let served = 0;
  for (const record of records) {
    if (record.kind === 'queued') {
      waiting.set(record.queue, [...(waiting.get(record.queue) ?? []), record.who]);
    } else if (record.kind === 'served') {
      expect(waiting.get(record.queue)?.shift()).toBe(record.who);
      served += 1;
    }
  }
  expect(served).toBeGreaterThan(50);
  // A till has one customer at a time.
  const tills = new Set(ofKind(records, 'till').map(({ till }) => till));
  const begun = new Map<string, number>();
  for (const record of records) {
    if (record.kind === 'served' && tills.has(record.by)) {
      expect(begun.has(record.by)).toBe(false);
      begun.set(record.by, record.who);
    } else if (record.kind === 'sold') {
      expect(begun.get(record.till)).toBe(record.who);
      begun.delete(record.till);
    } else if (record.kind === 'zone-left') {
      for (const [place, who] of begun) if (who === record.who) begun.delete(place);
    }
  }
});

test.each(LIVES)(
  '%s: a party is in one zone at a time, and walks only where there is a way',
  (_, { world, records }) => {
    const neighbours = new Map([...world.floor.zones.values()].map(({ zone, next_to }) => [zone, next_to]));
    const doors = new Set(ofKind(records, 'line').map(({ zone }) => zone));
    const places = new Map<number, string | undefined>();
    const last = new Map<number, string>();
    for (const record of records) {
      switch (record.kind) {
        case 'entered':
          expect(places.has(record.who)).toBe(false);
          places.set(record.who, undefined);
          break;
        case 'zone-entered': {
          expect(places.get(record.who)).toBe(undefined);
          const from = last.get(record.who);
          const to = record.zone;
          if (from === undefined) expect(doors).toContain(to);
          else expect(neighbours.get(from)?.includes(to) || neighbours.get(to)?.includes(from)).toBe(true);
          places.set(record.who, to);
          last.set(record.who, to);
          break;
        }
        case 'zone-left':
          expect(places.get(record.who)).toBe(record.zone);
          places.set(record.who, undefined);
          break;
        case 'picked':
        case 'put-back':
          expect(places.get(record.who)).toBe(world.floor.shelvesBy.get(record.shelf)?.zone);
          break;
        case 'sold':
          expect(places.get(record.who)).toBe(record.zone);
          break;
        case 'left':
          expect(places.get(record.who)).toBe(undefined);
          expect(doors).toContain(last.get(record.who));
          places.delete(record.who);
          break;
      }
    }
    expect(places.size).toBe(0);
    for (const zone of world.floor.zones.keys()) expect(world.personsIn(zone)).toBe(0);
  },
);

test.each(LIVES)(
  '%s: who comes in by a line goes out by one, and nobody comes while it is closed',
  (_, { records }) => {
    let isOpen = false;
    let persons = 0;
    for (const record of records) {
      if (record.kind === 'shop-opened') isOpen = true;
      if (record.kind === 'shop-closed') isOpen = false;
      if (record.kind === 'entered') expect(isOpen).toBe(true);
      if (record.kind === 'line-crossed') persons += record.direction === 'in' ? record.persons : -record.persons;
      expect(persons).toBeGreaterThanOrEqual(0);
    }
    expect(persons).toBe(0);
  },
);

test('everything happens that happens in shops', () => {
  const kinds = new Set(LIVES.flatMap(([, { records }]) => records.map(({ kind }) => kind)));
  const all = `world zone line till unit product shelf backstock item entered left line-crossed zone-entered zone-left
    queued served till-moved picked put-back missed sold stolen abandoned item-moved fetched restocked returned
    collected counted delivered put-away promotion-began promotion-ended shop-opened shop-closed door-opened
    door-closed temperature air-warmed air-cooled excursion-began excursion-ended gap-began gap-ended ended`;
  expect([...kinds].sort()).toEqual(all.split(/\s+/).sort());
  const records = LIVES.flatMap(([, life]) => life.records);
  expect(new Set(ofKind(records, 'sold').map(({ is }) => is))).toEqual(new Set(['fixed', 'self-service', 'mobile']));
  expect(new Set(ofKind(records, 'stolen').map(({ how }) => how))).toEqual(new Set(['walked-out', 'not-scanned']));
  expect(new Set(ofKind(records, 'put-back').map(({ right }) => right))).toEqual(new Set([true, false]));
  const lines = ofKind(records, 'delivered').flatMap((pallet) => pallet.lines);
  expect(lines.some(({ advised, received }) => received < advised)).toBe(true);
  expect(lines.some(({ advised, received }) => received > advised && advised > 0)).toBe(true);
  expect(lines.some(({ advised, received }) => advised === 0 && received > 0)).toBe(true);
});

test('a scale weighs what stands on the shelf, also what does not belong there', () => {
  const [, { world, records }] = LIVES[0];
  const shelf = ofKind(records, 'shelf');
  const foreign = new Map<string, number>();
  const weights = new Map(ofKind(records, 'product').map(({ gtin, unit_weight_g }) => [gtin, unit_weight_g]));
  const own = new Map(shelf.map((one) => [one.shelf, one.gtin]));
  for (const record of records) {
    if (!('shelf' in record) || !('count' in record) || own.get(record.shelf ?? '') === record.gtin) continue;
    const grams = record.count * (weights.get(record.gtin) ?? 0);
    const sign = record.kind === 'put-back' ? 1 : -1;
    foreign.set(record.shelf ?? '', (foreign.get(record.shelf ?? '') ?? 0) + sign * grams);
  }
  expect([...foreign.values()].some((grams) => grams > 0)).toBe(true);
  for (const { shelf: name, tare_g, unit_weight_g } of shelf) {
    expect(world.weightOn(name)).toBe(tare_g + unit_weight_g * world.countOn(name) + (foreign.get(name) ?? 0));
  }
});

test('members are known again by their pseudonym, and the till knows nobody else', () => {
  const [, { records }] = LIVES[1];
  const cards = new Map(ofKind(records, 'entered').map(({ who, shopper }) => [who, shopper]));
  const members = [...cards.values()].filter((shopper) => shopper !== undefined);
  expect(members.length / cards.size).toBeGreaterThan(0.4);
  expect(members.length / cards.size).toBeLessThan(0.6);
  expect(new Set(members).size).toBeLessThan(members.length);
  for (const { who, shopper } of ofKind(records, 'sold')) expect(shopper).toBe(cards.get(who));
});
