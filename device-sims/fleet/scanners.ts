/**
 * Barcode scanners on serial lines of their own. With one of them staff count shelves: the EAN-13 of what stands there,
 * with its symbology identifier and a CR. The other one is at the dock: the GS1-128 of each pallet that is put away, and
 * the DataMatrix of a few packs of it, with lot and expiry, typed in a burst without an end.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { scanBytes } from '../devices/serial/scanner-bytes.ts';
import type { LedgerRecord } from '../sim/ledger-records.ts';
import type { Random } from '../sim/random.ts';
import { ean13, packLabel, palletLabel } from '../vendors/gs1-labels.ts';
import { DeviceLine } from './device-line.ts';
import type { DeviceParts, SimDevice } from './sim-device.ts';

export interface ScannerPlan {
  readonly name: string;
  /** Its own folder is made in it. */
  readonly dir: string;
  /** Where it is used, if it stays there. */
  readonly zone?: string;
}

/** Hands need longer between two scans; a line that is quiet for less has not ended one. */
const PAUSE_MS = 250;
/** Packs of a pallet that somebody looks at closely. */
const PACKS = 3;
/** For the hub to hear the last scan. */
const LAST_WORDS_MS = 500;
const DAY_MS = 86_400_000;
/** Of the labels that say the month alone: day 00. */
const WITHOUT_DAY = 0.3;

export function openCountingScanner(plan: ScannerPlan, parts: DeviceParts): SimDevice {
  return scanner(plan, parts, (record) =>
    record.kind === 'counted' ? [scanBytes(ean13(record.gtin), { aim: 'E0', end: '\r' })] : [],
  );
}

export function openDockScanner(plan: ScannerPlan, parts: DeviceParts): SimDevice {
  const { random } = parts;
  const pallets = new Map<string, readonly string[]>();
  return scanner(plan, parts, (record) => {
    if (record.kind === 'delivered')
      pallets.set(
        record.sscc,
        record.lines.filter(({ received }) => received > 0).map(({ gtin }) => gtin),
      );
    if (record.kind !== 'put-away') return [];
    const gtins = (pallets.get(record.sscc) ?? []).slice(0, PACKS);
    pallets.delete(record.sscc);
    const packs = gtins.map((gtin) => scanBytes(packLabel(packOf(gtin, record.ms, random)), { aim: 'd2' }));
    return [scanBytes(palletLabel(record.sscc), { aim: 'C1' }), ...packs];
  });
}

function packOf(gtin: string, now: number, random: Random) {
  const date = new Date(now + random.whole(20, 700) * DAY_MS).toISOString().slice(2, 10).replaceAll('-', '');
  const expiry = random.chance(WITHOUT_DAY) ? `${date.slice(0, 4)}00` : date;
  const lot = `L${random.whole(10_000, 99_999)}`;
  return { gtin, expiry, lot, serial: random.whole(1_000_000, 9_999_999).toString(36).toUpperCase() };
}

function scanner(
  { name, dir, zone }: ScannerPlan,
  { world, tally }: DeviceParts,
  scansOf: (record: LedgerRecord) => readonly Buffer[],
): SimDevice {
  const line = new DeviceLine(dir, name, tally);
  /** One hand holds it. */
  let scanned: Promise<void> = Promise.resolve();
  let isDropped = false;
  const scan = async (bytes: Buffer): Promise<void> => {
    if (isDropped) return;
    await line.say(bytes);
    await sleep(PAUSE_MS);
  };
  return {
    name,
    entry: {
      ...{ name, codec: 'scanner', serial: { port: line.port, baud: 9600, frame: '8N1' } },
      ...(zone !== undefined && { zone }),
    },
    async start() {
      await line.start();
      world.watch((record) => {
        for (const bytes of scansOf(record)) scanned = scanned.then(() => scan(bytes));
      });
    },
    look: () => undefined,
    unplug: (isOut) => line.unplug(isOut),
    async settled() {
      await scanned;
      line.check();
    },
    async stop() {
      await scanned;
      await sleep(LAST_WORDS_MS);
      await line.stop();
    },
    drop() {
      isDropped = true;
      return line.drop();
    },
  };
}
