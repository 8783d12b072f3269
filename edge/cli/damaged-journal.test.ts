import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { batchOf, Clocks, openWriter, sale } from '../writer.fixture.ts';
import { folderWith, run } from './command.fixture.ts';

const PAGE = 2048;
const SENTENCE = 'the journal is damaged\n';
const ADVICE = 'start the edge: it sets the damaged journal aside';

function damagedShop(spoil: (bytes: Buffer) => void): string {
  const folder = folderWith('hub: store-0042\n');
  const data = join(folder, 'data');
  mkdirSync(data);
  const clocks = new Clocks();
  const writer = openWriter(data, clocks);
  writer.process(batchOf(Array.from({ length: 2000 }, (_, index) => sale(clocks, String(index)))));
  writer.close();
  const file = join(data, 'journal.db');
  const bytes = readFileSync(file);
  spoil(bytes);
  writeFileSync(file, bytes);
  return folder;
}

test.each([
  ['its first page', (bytes: Buffer) => bytes.fill(0x5a, 0, PAGE)],
  ['all others', (bytes: Buffer) => bytes.fill(0x5a, PAGE)],
])('every command says the same of a journal that is damaged in %s', async (_, spoil) => {
  const folder = damagedShop(spoil);
  const commands = [
    ['journal', 'tail', '--no-follow'],
    ['dead-letters', 'list'],
    ['backup', 'copy.db'],
  ];
  for (const command of commands) {
    const { code, stderr } = await run([...command, '-c', 'store.yaml'], folder);
    expect([command[0], code]).toEqual([command[0], 1]);
    expect(stderr).toContain(SENTENCE);
    expect(stderr).toContain(`what to do: ${ADVICE}`);
    expect(stderr.trimEnd().split('\n')).toHaveLength(2);
  }
  const status = await run(['status', '-c', 'store.yaml'], folder);
  expect(status.stdout).toContain(`the journal is damaged: ${ADVICE}`);
});
