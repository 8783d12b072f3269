import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { LogOutput } from './log-output.ts';

test('lines that nobody reads are dropped beyond a bound, and counted when somebody reads again', async () => {
  const taken: string[] = [];
  let take: (() => void) | undefined;
  const slow = new Writable({
    decodeStrings: false,
    write(line: string, _, done) {
      taken.push(line);
      take = done;
    },
  });
  const output = new LogOutput(slow, 20_000);
  for (let i = 0; i < 500; i += 1) output.write(`${i} ${'x'.repeat(100)}\n`);
  expect(slow.writableLength).toBeLessThan(21_000);
  const before = taken.length;
  for (let i = 0; i < 1000 && slow.writableLength > 0; i += 1) {
    take?.();
    await new Promise(setImmediate);
  }
  expect(taken.length).toBeGreaterThan(before + 100);
  const said = JSON.parse(taken.at(-1) ?? '{}') as { dropped: number; level: string };
  expect(said).toMatchObject({ level: 'warn', dropped: 500 - (taken.length - 1) });
  output.write('next\n');
  expect(slow.writableLength).toBeGreaterThan(0);
  slow.destroy();
  output.write('nobody\n');
});
