import { describe, expect, test } from 'vitest';
import { readingSchemas } from '../../edge/contracts/readings.ts';
import { faultRows, lostBetween, unsent } from './faults-table.ts';
import { lineOf } from './head-office.ts';
import { Ledger } from './ledger.ts';
import { consentReading, countOf, parseId, reading, SOAK_KINDS, type SoakKind } from './readings.ts';

const NUMBERS = 2_000;
const time = '2026-11-20T09:15:00.000Z';

function sent(device: number): { kind: SoakKind; counter: number; topic: string; body: Record<string, unknown> }[] {
  return Array.from({ length: NUMBERS }, (_, number) => {
    const { topic, payload } = reading('r', device, number, time);
    const body = JSON.parse(payload) as Record<string, unknown>;
    const kind = topic.split('/')[1] as SoakKind;
    return { kind, counter: parseId(String(body.id))?.counter ?? -1, topic, body };
  });
}

/** A ledger with everything that two devices sent, but for what `without` names. */
function arrived(without: (device: number, number: number) => boolean): Ledger {
  const ledger = new Ledger();
  for (const device of [0, 1]) {
    sent(device).forEach(({ kind, counter }, number) => {
      if (!without(device, number)) ledger.arrive(lineOf('r', device, kind), counter);
    });
  }
  return ledger;
}

describe('the readings of a soak', () => {
  test('are valid, of every kind, each kind counted from 0 without a hole', () => {
    const next: Record<string, number> = {};
    for (const { kind, counter, body } of sent(3)) {
      expect(readingSchemas[kind].safeParse(body).error).toBeUndefined();
      expect(counter).toBe(next[kind] ?? 0);
      next[kind] = counter + 1;
    }
    for (const kind of SOAK_KINDS) expect(countOf(kind, NUMBERS)).toBe(next[kind]);
  });

  test('never repeat the level of their shelf, for that would be no event', () => {
    const levels = sent(0).filter(({ kind }) => kind === 'shelf');
    levels.forEach(({ body }, n) => {
      expect(body.count).not.toBe(levels[n - 1]?.body.count);
    });
  });

  test('say of a shopper by turns that they came and that they left, and name nobody in an id', () => {
    const sightings = sent(2).filter(({ kind }) => kind === 'presence');
    const { payload } = consentReading('r', 2);
    const { shopper } = readingSchemas.consent.parse(JSON.parse(payload));
    sightings.forEach(({ body, topic }, n) => {
      expect(body).toMatchObject({ shopper, present: n % 2 === 0 });
      expect(`${topic} ${body.id}`).not.toContain(shopper);
    });
  });

  test('are all accounted for when all arrive', () => {
    const ledger = arrived(() => false);
    expect(lostBetween(ledger, 'r', [], [NUMBERS, NUMBERS])).toBe(0);
    expect(unsent(ledger, 'r', [NUMBERS, NUMBERS])).toBe(0);
    expect(unsent(ledger, 'r', [NUMBERS, NUMBERS - 5])).toBe(5);
  });

  test('that are lost are counted to the fault after which they were sent', () => {
    const ledger = arrived((device, number) => device === 1 && number >= 100 && number < 107);
    const base = { at: 0, seconds: 1, seen: 'yes', problem: undefined };
    const struck = [
      { ...base, name: 'first', from: [50, 50] },
      { ...base, name: 'second', from: [90, 104] },
    ];
    const rows = faultRows(struck, ledger, 'r', [NUMBERS, NUMBERS]);
    expect(rows.map(({ name, lost }) => [name, lost])).toEqual([
      ['first', 4],
      ['second', 3],
    ]);
  });
});
