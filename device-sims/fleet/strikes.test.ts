import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseStrike } from '../score/fault-score.ts';
import { streams } from '../sim/streams.ts';
import { Blows } from './blows.ts';
import { parseFaults } from './faults.ts';
import { heardAgain } from './second-gateway.ts';
import type { SimDevice } from './sim-device.ts';
import { planStrikes, type Strike, writeStrikes } from './strikes.ts';

const HOUR = 3_600_000;
const MINUTE = 60_000;
const run = { from: 0, until: 48 * HOUR };

function device(name: string, more: Partial<SimDevice> = {}): SimDevice {
  return {
    ...{ name, entry: undefined, start: async () => undefined, look: () => undefined },
    ...{ settled: async () => undefined, stop: async () => undefined },
    ...more,
  };
}

const shop: readonly SimDevice[] = [
  ...Array.from({ length: 20 }, (_, i) => device(`till-${i}`)),
  device('thermometer', { entry: { codec: 'chirpstack', unit: 'dairy-1' } }),
  device('reader', {
    ...{ entry: { codec: 'impinj', antennas: { '1': 'sales', '2': 'sales' } }, antennas: [1, 2] },
    blind: () => undefined,
  }),
  device('scale', { entry: { codec: 'mt-sics', shelf: 'A1' }, unplug: () => undefined }),
];

function strikesOf(faults: string, seed = 1): readonly Strike[] {
  return planStrikes(parseFaults(faults), shop, streams(seed), run);
}

describe('faults are planned', () => {
  it('by the seed alone, each apart from the others', () => {
    expect(strikesOf('wifi:0.3,unplug:0.5')).toEqual(strikesOf('wifi:0.3,unplug:0.5'));
    expect(strikesOf('wifi:0.3', 2)).not.toEqual(strikesOf('wifi:0.3'));
    const both = strikesOf('wifi:0.3,unplug:0.5');
    expect(both.filter(({ fault }) => fault === 'wifi')).toEqual(strikesOf('wifi:0.3'));
    expect(strikesOf('resend:5')).toEqual([]);
  });

  it('once a day for as long as it is said, and gaps of seconds to minutes twice an hour', () => {
    const cables = strikesOf('unplug:1');
    // Not of what has no cable.
    expect(new Set(cables.map(({ device: name }) => name)).size).toBe(shop.length - 1);
    expect(cables.length).toBe(2 * (shop.length - 1));
    for (const { from, until } of cables) {
      expect(until - from).toBeGreaterThanOrEqual(5 * MINUTE);
      expect(until - from).toBeLessThanOrEqual(45 * MINUTE);
    }
    const gaps = strikesOf('wifi:1');
    // A serial line has no Wi-Fi.
    expect(new Set(gaps.map(({ device: name }) => name)).has('scale')).toBe(false);
    const each = gaps.length / (shop.length - 1) / 48;
    expect(each).toBeGreaterThan(1.7);
    expect(each).toBeLessThan(2.1);
    for (const { from, until } of gaps) expect(until - from).toBeLessThanOrEqual(5 * MINUTE);
  });

  it('blindness is of readers, of one antenna or of all, and what it touches is named', () => {
    const blind = Array.from({ length: 10 }, (_, seed) => strikesOf('blind:1', seed)).flat();
    expect(new Set(blind.map(({ device: name }) => name))).toEqual(new Set(['reader']));
    expect(new Set(blind.map(({ antenna }) => antenna))).toEqual(new Set([undefined, 1, 2]));
    expect(blind[0]?.watches).toEqual(['reader', 'sales']);
  });

  it('and written for the score', () => {
    const dir = mkdtempSync(join(tmpdir(), 'store-hub-strikes-'));
    try {
      const strikes = strikesOf('silence:0.5,reboot');
      writeStrikes(join(dir, 'faults.jsonl'), strikes);
      const read = readFileSync(join(dir, 'faults.jsonl'), 'utf8').trim().split('\n').map(parseStrike);
      expect(read.length).toBe(strikes.length);
      expect(read[0]).toMatchObject({ fault: strikes[0]?.fault, from: Math.floor(strikes[0]?.from ?? -1) });
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});

it('faults that overlap end each for itself, and all at the end of the run', () => {
  const told: string[] = [];
  const links = {
    cut: (name: string) => void told.push(`cut ${name}`),
    mend: (name: string) => void told.push(`mend ${name}`),
  };
  const till = device('till', { reboot: () => void told.push('reboot') });
  const blows = new Blows(new Map([['till', till]]), links);
  const strike = (fault: Strike['fault'], from: number, until: number): Strike => ({
    ...{ fault, device: 'till', from, until, watches: [] },
  });
  blows.plan([strike('unplug', 10, 50), strike('wifi', 20, 30), strike('reboot', 25, 25), strike('silence', 40, 90)]);
  blows.pass(26);
  expect(told).toEqual(['cut till', 'cut till', 'reboot']);
  blows.pass(60);
  expect(told.slice(3)).toEqual(['mend till', 'mend till']);
  expect(blows.isSilent('till')).toBe(true);
  blows.end();
  expect(blows.isSilent('till')).toBe(false);
});

it('an uplink by a second gateway has another id and the same counter; what is none is not heard again', () => {
  const event = { deduplicationId: 'a', fCnt: 7, data: 'AQ==', rxInfo: [{ gatewayId: '1' }] };
  const again = JSON.parse(String(heardAgain(Buffer.from(JSON.stringify(event))))) as typeof event;
  expect(again).toMatchObject({ fCnt: 7, data: 'AQ==' });
  expect(again.deduplicationId).not.toBe('a');
  expect(heardAgain(Buffer.from('{"uplink_message":{"f_cnt":7}}'))).toBeUndefined();
  expect(heardAgain(Buffer.of(0, 1, 2))).toBeUndefined();
});
