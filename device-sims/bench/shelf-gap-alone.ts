/**
 * What the rules cost is measured against a hub that has one rule: this build in another folder, with nothing but the
 * shelf gap in its registry. BENCH_BASELINE names the built command of another version instead, such as one
 * from before there were offers (`.../dist/edge/cli/main.js`).
 */
import { cpSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PROJECT = fileURLToPath(new URL('../../../', import.meta.url));
const REGISTRY = `import { shelfGap } from './shelf-gap.js';
export function rulesOf(config) {
  return [shelfGap(config.shelf_gap)];
}
`;

/** The command to start, what it is in one phrase, and whether its journal is one that this build reads. */
export function shelfGapAlone(folder: string): { command: string; about: string; isReadable: boolean } {
  const other = process.env.BENCH_BASELINE;
  if (other !== undefined) return { command: other, about: other, isReadable: false };
  const copy = join(folder, 'shelf-gap-alone');
  cpSync(join(PROJECT, 'dist'), join(copy, 'dist'), { recursive: true });
  cpSync(join(PROJECT, 'package.json'), join(copy, 'package.json'));
  symlinkSync(join(PROJECT, 'node_modules'), join(copy, 'node_modules'));
  writeFileSync(join(copy, 'dist/edge/rules/registry.js'), REGISTRY);
  return {
    command: join(copy, 'dist/edge/cli/main.js'),
    about: 'this build with the shelf gap as its only rule',
    isReadable: true,
  };
}
