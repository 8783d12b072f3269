/** Worlds for tests: lived to the end, with all they told. */
import type { LedgerRecord } from './ledger-records.ts';
import { loadWorld } from './load-world.ts';
import { openWorld, type World } from './world.ts';
import type { WorldFile } from './world-file.ts';

export interface Lived {
  readonly world: World;
  readonly records: readonly LedgerRecord[];
}

export interface LifeOptions {
  readonly seed?: number;
  /** Default: a Thursday. */
  readonly from?: string;
  readonly days?: number;
  readonly coverage?: number;
  readonly change?: (file: WorldFile) => WorldFile;
}

export function lived(name: string, options: LifeOptions = {}): Lived {
  const { seed = 7, from = '2026-03-05', days = 1, coverage, change = (file) => file } = options;
  const world = openWorld({ file: change(loadWorld(name)), seed, from, days, coverage });
  const records: LedgerRecord[] = [];
  world.watch((record) => records.push(record));
  world.advance(world.endsAt);
  return { world, records };
}

export function ofKind<K extends LedgerRecord['kind']>(
  records: readonly LedgerRecord[],
  kind: K,
): Extract<LedgerRecord, { kind: K }>[] {
  return records.filter((record): record is Extract<LedgerRecord, { kind: K }> => record.kind === kind);
}

/** Everything that people do, often. */
export const WILD = (file: WorldFile): WorldFile => ({
  ...file,
  shoppers: {
    ...file.shoppers,
    ...{ put_back: 0.4, wrong_shelf: 0.5, abandon: 0.1, steal: 0.1, not_scanned: 0.1, members: 0.5 },
  },
  deliveries: { ...file.deliveries, short: 0.3, over: 0.3, wrong: 0.8 },
});
