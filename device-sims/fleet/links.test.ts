/** What becomes of the words of devices without a connection, with a real edge on the other end. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeStore, type Store } from '../harness/store.ts';
import { waitUntil } from '../harness/wait-until.ts';
import { streams } from '../sim/streams.ts';
import { HubLinks } from './links.ts';
import type { Offline } from './outages.ts';
import { newTally } from './sim-device.ts';

describe('a device without a connection', () => {
  let store: Store | undefined;
  beforeAll(async () => {
    store = await makeStore();
    await store.edge.start();
  });
  afterAll(() => store?.stop());

  const sold = async (): Promise<Map<string, number>> => {
    const times = new Map<string, number>();
    for (const line of (await store?.run(['journal', 'export']))?.stdout.split('\n') ?? []) {
      if (line === '') continue;
      const { type, data } = JSON.parse(line) as { type: string; data: { till: string; transaction: string } };
      const key = `${data.till}/${data.transaction}`;
      if (type === 'retail.sales.sold.v1') times.set(key, (times.get(key) ?? 0) + 1);
    }
    return times;
  };
  const sale = (till: string, transaction: number): string =>
    JSON.stringify({
      ...{ time: new Date().toISOString(), till, transaction: String(transaction), business_day: '2026-03-05' },
      total: { amount: 129, currency: 'EUR' },
      lines: [{ gtin: '09521234543213', quantity: 1, price: { amount: 129, currency: 'EUR' } }],
    });

  it('is heard of later, once, if it keeps what it says; what forgets is not heard of; neighbours notice nothing', async () => {
    const { mqttUrl, httpUrl } = store ?? { mqttUrl: '', httpUrl: '' };
    const kinds: Readonly<Record<string, Offline>> = { forgetful: 'forgets', sensor: 'radio' };
    const tally = newTally();
    const links = new HubLinks({ mqtt: mqttUrl, http: httpUrl }, tally, {
      ...{ resend: 0, garbage: 0, twice: 0, isFlooding: () => false },
      random: (device) => streams(1)(device),
      offline: (device) => kinds[device] ?? 'keeps',
    });
    const wire = links.of('wired');
    const web = links.of('web');
    const [forgetful, sensor, neighbour] = ['forgetful', 'sensor', 'neighbour'].map((name) => links.of(name));
    const ring = (till: string, number: number): Promise<void> =>
      wire.publish(till, `in/sale/${till}`, sale(till, number));
    await ring('wired', 1);
    await web.post('/in/sale/web', sale('web', 1));
    await sensor?.publish('server', 'in/sale/sensor', sale('sensor', 1));

    // On its way when the cable is pulled: the hub has it, or not; its answer never comes.
    const kept = Array.from({ length: 200 }, (_, number) => ring('wired', 2 + number));
    for (const device of ['wired', 'web', 'forgetful', 'sensor']) links.cut(device);
    kept.push(ring('wired', 500), web.post('/in/sale/web', sale('web', 2)));
    await forgetful?.publish('forgetful', 'in/sale/forgetful', sale('forgetful', 1));
    await sensor?.publish('server', 'in/sale/sensor', sale('sensor', 2));
    await neighbour?.publish('server', 'in/sale/neighbour', sale('neighbour', 1));
    expect(tally.lost).toBe(2);
    expect(links.onTheirWay).toBe(0);
    await waitUntil('the neighbour to be heard', async () => (await sold()).has('neighbour/1'));
    const meanwhile = await sold();
    expect(meanwhile.has('wired/500')).toBe(false);
    expect(meanwhile.has('web/2')).toBe(false);

    for (const device of ['wired', 'web', 'forgetful', 'sensor']) links.mend(device);
    await Promise.all(kept);
    await forgetful?.publish('forgetful', 'in/sale/forgetful', sale('forgetful', 2));
    await links.close();
    const all = await sold();
    expect([...all.values()].every((times) => times === 1)).toBe(true);
    for (let number = 1; number <= 201; number += 1) expect(all.has(`wired/${number}`)).toBe(true);
    for (const key of ['wired/500', 'web/2', 'forgetful/2']) expect(all.has(key)).toBe(true);
    for (const key of ['forgetful/1', 'sensor/2']) expect(all.has(key)).toBe(false);
    expect(tally.acknowledged).toBe(tally.sent);
  }, 30_000);
});

it('counts what waits for its turn, says a slow request again, and lets go of all of it at once', async () => {
  let asked = 0;
  // The first answer is 408, as after a pause of this machine within a request; the second one never comes.
  const server = createServer((request, response) => {
    asked += 1;
    request.resume();
    if (asked === 1) response.writeHead(408).end('slow');
    else if (asked === 2) response.writeHead(202).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const links = new HubLinks({ mqtt: 'mqtt://127.0.0.1:9', http: `http://127.0.0.1:${port}` }, newTally());
  const web = links.of('web');
  await web.post('/push/web', '{}');
  expect(asked).toBe(2);
  const waiting = Array.from({ length: 40 }, () => web.post('/push/web', '{}'));
  const ends = Promise.allSettled(waiting);
  expect(links.onTheirWay).toBe(40);
  await waitUntil('the next request', () => asked === 3);
  const begun = performance.now();
  links.abandon();
  expect((await ends).every(({ status }) => status === 'rejected')).toBe(true);
  expect(performance.now() - begun).toBeLessThan(2_500);
  expect(asked).toBe(3);
  server.closeAllConnections();
  server.close();
});
