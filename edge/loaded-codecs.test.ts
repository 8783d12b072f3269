/** A shop pays for the codecs of its own devices alone: what the edge loaded, by the word of the runtime. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { makeStore } from '../device-sims/harness/store.ts';
import { CODECS } from './contracts/devices.ts';

interface Coverage {
  readonly result: readonly { readonly url: string }[];
}

test('the edge loads the codecs that its devices name, and no library of others', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'loaded-'));
  const device = { name: 'gate-1', codec: 'impinj', push: true, zone: 'entrance' };
  const store = await makeStore({ config: { devices: [device] }, env: { NODE_V8_COVERAGE: folder } });
  try {
    await store.edge.start();
    await store.edge.stop();
    const files = readdirSync(folder).map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Coverage);
    const urls = files.flatMap(({ result }) => result.map(({ url }) => url));
    const codecs = urls.filter((url) => url.includes('/edge/codecs/')).map((url) => basename(url, '.js'));
    expect(codecs).toContain('hub-json');
    expect([...new Set(codecs.filter((name) => CODECS.some((codec) => codec === name)))]).toEqual(['impinj']);
    expect(
      urls.filter((url) => /\/(saxes|csv-parse|jsonata|serialport|node-opcua)\/|file-drop|folder-host/.test(url)),
    ).toEqual([]);
  } finally {
    await store.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});
