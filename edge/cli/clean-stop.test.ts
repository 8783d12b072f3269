import { existsSync, readdirSync, statSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import SQLite from 'better-sqlite3';
import { afterEach, expect, test } from 'vitest';
import { freePort } from '../../device-sims/harness/free-port.ts';
import { waitUntil } from '../../device-sims/harness/wait-until.ts';
import { edgeRequest } from '../ops/edge-request.ts';
import { folderWith, start } from './command.fixture.ts';

let edge: ReturnType<typeof start> | undefined;

afterEach(() => edge?.child.kill('SIGKILL'));

async function shop(): Promise<{ folder: string; mqtt: number; http: number }> {
  const [mqtt, http] = [await freePort(), await freePort()];
  const folder = folderWith(
    `hub: store-0042\nmqtt: { listen: 127.0.0.1:${mqtt} }\nhttp: { listen: 127.0.0.1:${http} }\n` +
      'planogram: [{ shelf: A1, zone: z, gtin: "09521234543213", name: Water, capacity: 99, minimum: 2 }]\n',
  );
  return { folder, mqtt, http };
}

test('after a clean stop journal.db alone holds everything, and is for the group at most', async () => {
  const { folder, mqtt } = await shop();
  const data = join(folder, 'data');
  edge = start(['edge', '-c', 'store.yaml'], folder);
  const said = text(edge.child.stdout);
  await waitUntil('the edge is up', () => canConnect(mqtt));
  const socket = join(data, 'edge.sock');
  for (let count = 1; count <= 20; count += 1) {
    const { status } = await edgeRequest(socket, 'POST', '/in/shelf/scale-7', { shelf: 'A1', count });
    expect(status).toBe(202);
  }
  expect(statSync(join(data, 'journal.db')).mode & 0o777).toBe(0o640);
  edge.child.kill('SIGTERM');
  expect(await edge.ended).toBe(0);
  expect(await said).toContain('the hub has stopped');
  expect(readdirSync(data).filter((name) => name.endsWith('-wal'))).toEqual([]);
  for (const name of readdirSync(data)) expect([name, statSync(join(data, name)).mode & 0o007]).toEqual([name, 0]);
  const db = new SQLite(join(data, 'journal.db'), { readonly: true });
  expect(db.prepare('SELECT count(*) FROM events_shelves').pluck().get()).toBe(20);
  db.close();
});

test('a start that finds its port taken does not say that the hub has stopped', async () => {
  const { folder, http } = await shop();
  const other = createServer().listen(http, '127.0.0.1');
  edge = start(['edge', '-c', 'store.yaml'], folder);
  const [code, said] = await Promise.all([edge.ended, text(edge.child.stdout)]);
  other.close();
  expect(code).toBe(1);
  expect(existsSync(join(folder, 'data', 'journal.db'))).toBe(true);
  expect(said).not.toContain('the hub has stopped');
});

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}
