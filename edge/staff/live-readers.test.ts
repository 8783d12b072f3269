import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { LiveReaders } from './live-readers.ts';

test('one address beyond this machine takes a quarter of the places at most, this machine all', async () => {
  const counters = { stalled: 0, turnedAway: 0 };
  const readers = new LiveReaders(counters);
  const responses: ServerResponse[] = [];
  const server = createServer((_request, response) => void responses.push(response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const come = async (address: string): Promise<boolean> => {
    if (!readers.hasRoom(address, 8)) return false;
    const before = responses.length;
    void fetch(`http://127.0.0.1:${port}`).catch(() => undefined);
    await expect.poll(() => responses.length).toBe(before + 1);
    readers.add(responses.at(-1) as ServerResponse, address, {});
    return true;
  };
  expect([await come('10.0.0.1'), await come('10.0.0.1'), await come('10.0.0.1')]).toEqual([true, true, false]);
  expect(await come('10.0.0.2')).toBe(true);
  for (let i = 0; i < 5; i += 1) expect(await come('127.0.0.1')).toBe(true);
  expect(await come('10.0.0.3')).toBe(false);
  expect(counters.turnedAway).toBe(2);
  responses[0]?.destroy();
  await expect.poll(() => readers.hasRoom('10.0.0.1', 8)).toBe(true);
  readers.stop();
  await new Promise((resolve) => server.close(resolve));
});
