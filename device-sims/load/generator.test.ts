import { type AddressInfo, createServer, type Server } from 'node:net';
import { Aedes } from 'aedes';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readingSchemas } from '../../edge/contracts/readings.ts';
import { runLoad } from './generator.ts';
import { saleId } from './sales.ts';

describe('the load generator against a real broker', () => {
  let broker: Aedes;
  let server: Server;
  let port: number;
  const received: { topic: string; text: string }[] = [];

  beforeEach(async () => {
    received.length = 0;
    broker = await Aedes.createBroker();
    broker.authorizePublish = (_client, packet, done) => {
      received.push({ topic: packet.topic, text: packet.payload.toString() });
      done(null);
    };
    server = createServer(broker.handle);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  });

  afterEach(async () => {
    await new Promise<void>((resolve) => broker.close(() => resolve()));
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });

  const options = () => ({ host: '127.0.0.1', port, run: 'unit', connections: 8, window: 20 });

  test('sends as many sales as asked, each a valid reading of about 300 bytes with an id of its own', async () => {
    const result = await runLoad({ ...options(), count: 2_000 });
    expect(result.failures).toEqual([]);
    expect(result).toMatchObject({ sent: 2_000, acked: 2_000 });
    expect(received).toHaveLength(2_000);
    const ids = new Set<string | undefined>();
    for (const { text } of received) {
      expect(text.length).toBeGreaterThan(280);
      expect(text.length).toBeLessThan(340);
      ids.add(readingSchemas.sale.parse(JSON.parse(text)).id);
    }
    expect(ids.size).toBe(2_000);
  });

  test('its ids can be made again from the run, the connection and the number', async () => {
    const result = await runLoad({ ...options(), count: 800 });
    const expected = result.perConnection.flatMap((sent, connection) =>
      Array.from({ length: sent }, (_, number) => saleId('unit', connection, number)),
    );
    const got = received.map(({ text }) => readingSchemas.sale.parse(JSON.parse(text)).id);
    expect([...got].sort()).toEqual([...expected].sort());
    expect(expected.filter((id) => id.startsWith('unit-'))).not.toHaveLength(expected.length);
  });

  test('names a shopper in one sale of a hundred, if asked to', async () => {
    const result = await runLoad({ ...options(), count: 4_000, shoppers: 30 });
    expect(result.failures).toEqual([]);
    const shoppers = received.flatMap(({ text }) => readingSchemas.sale.parse(JSON.parse(text)).shopper ?? []);
    expect(shoppers.length).toBeGreaterThan(20);
    expect(shoppers.length).toBeLessThan(80);
    expect(new Set(shoppers).size).toBeGreaterThan(10);
    for (const shopper of shoppers) expect(shopper).toMatch(/^shopper-00000[012]\d$/);
  });

  test('holds a rate, and no connection carries it alone', async () => {
    const result = await runLoad({ ...options(), seconds: 1, rate: 400 });
    expect(result.failures).toEqual([]);
    expect(result.sent).toBeLessThanOrEqual(402);
    expect(result.sent).toBeGreaterThan(200);
    expect(result.perConnection.filter((sent) => sent > 0)).toHaveLength(8);
  });

  test('reports a broker that goes away instead of waiting for its acknowledgements', async () => {
    const running = runLoad({ ...options(), seconds: 20 });
    await expect.poll(() => received.length).toBeGreaterThan(100);
    broker.close();
    const result = await running;
    expect(result.failures.length).toBeGreaterThan(0);
  });
});
