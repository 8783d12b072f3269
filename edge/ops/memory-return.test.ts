import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const built = new URL('../../dist/edge/ops/memory-return.js', import.meta.url).href;

/** Fills the heap with what dies young and old, lets go of it, and tells resident memory before and after a calm time. */
const PROGRAM = `
const { giveBackWhenCalm } = await import(${JSON.stringify(built)});
let also = 0;
giveBackWhenCalm(() => { also += 1; }, { calmMs: 1500, lookMs: 100 });
let kept = [];
for (let n = 0; n < 60; n += 1) {
  kept.push(Array.from({ length: 30_000 }, (_, i) => ({ n, i })));
  await new Promise((resolve) => setImmediate(resolve));
}
kept = undefined;
const before = process.memoryUsage().rss;
await new Promise((resolve) => setTimeout(resolve, 4_000));
console.log(JSON.stringify({ before, after: process.memoryUsage().rss, also }));
`;

test('a thread that was busy and is calm returns the memory of its garbage, once', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', PROGRAM]);
  const { before, after, also } = JSON.parse(stdout) as { before: number; after: number; also: number };
  expect(also).toBe(1);
  expect(before - after).toBeGreaterThan(40_000_000);
});
