import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { waitUntil } from '../harness/wait-until.ts';
import { seeded } from '../sim/random.ts';
import { openShop } from '../world/shop.ts';
import { TINY_SHOP } from '../world/shop-plan.ts';
import { type SignageScreen, signageScreen } from './signage-screen.ts';

let server: Server;
let lines: ServerResponse[];
let reports: { url: string | undefined; body: { play: string; seconds: number; screen: string } }[];
let failures: Error[];
let screen: SignageScreen;

beforeEach(async () => {
  lines = [];
  reports = [];
  failures = [];
  server = createServer((request, response) => {
    if (request.method === 'GET') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      lines.push(response);
      return;
    }
    let body = '';
    request.on('data', (chunk) => {
      body += String(chunk);
    });
    request.on('end', () => {
      reports.push({ url: request.url, body: JSON.parse(body) });
      response.writeHead(200).end('{"play":null}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  screen = signageScreen('beverages', {
    ...{ url: '', httpUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` },
    ...{ shop: openShop(TINY_SHOP, seeded(1)), random: seeded(1), tally: { sent: 0, acknowledged: 0 } },
    ...{ sent: () => undefined, did: () => undefined, failed: (error) => failures.push(error) },
  });
  await screen.start();
  await waitUntil('the screen to listen', () => lines.length === 1);
});

afterEach(async () => {
  await screen.stop(0);
  server.closeAllConnections();
  await new Promise<void>((resolve) => server.close(() => resolve()));
});

function show(event: string, offer: string | undefined, play: string | null): void {
  const data = { time: '', show: offer === undefined ? null : { offer, text: '10 % off' }, play };
  // In two pieces, as a network may bring it.
  const text = `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
  lines.at(-1)?.write(text.slice(0, 20));
  lines.at(-1)?.write(text.slice(20));
}

test('what was shown for five seconds is reported when it goes, with its ticket; what went at once is not', async () => {
  show('hello', 'first', 'ticket-1');
  await sleep(50);
  show('show', 'second', 'ticket-2');
  await sleep(5_200);
  show('show', undefined, null);
  await waitUntil('the report', () => reports.length > 0);
  await waitUntil('its answer', () => screen.played === 1);
  expect(reports).toEqual([
    { url: '/api/screens/beverages/played', body: { play: 'ticket-2', seconds: 5, screen: 'screen-beverages' } },
  ]);
  expect(failures).toEqual([]);
});

test('what is to be seen at the end is reported before the screen goes dark', async () => {
  show('hello', 'first', 'ticket-1');
  await sleep(5_200);
  await screen.stop(1_000);
  expect(reports.map(({ body }) => body.play)).toEqual(['ticket-1']);
});
