/** RFID readers as installers connect them: their bytes to a real edge, facts in its journal, over a kill and a restart. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Publisher, startPublisher } from '../device-sims/harness/mqtt-helpers.ts';
import { makeStore, type Store } from '../device-sims/harness/store.ts';
import { waitUntil } from '../device-sims/harness/wait-until.ts';

const SHIRT = { base64: 'MHQle_cZTkAAABqF', uri: 'urn:epc:id:sgtin:0614141.812345.6789', gtin: '80614141123458' };
const PALLET = { hex: '3174257BF4499602D2000000', uri: 'urn:epc:id:sscc:0614141.1234567890' };

let store: Store;
let publisher: Publisher;

beforeAll(async () => {
  store = await makeStore({
    config: {
      devices: [
        {
          ...{ name: 'ceiling-1', codec: 'impinj', mqtt: { topic: 'impinj/ceiling-1/events' } },
          antennas: { 1: 'floor', 2: 'back-room' },
        },
        { name: 'dock-1', codec: 'zebra', push: true, zone: 'dock' },
        { name: 'wand', codec: 'hub', antennas: { 1: 'floor' } },
      ],
    },
  });
  await store.edge.start();
  publisher = await startPublisher(store.mqttUrl);
}, 60_000);

afterAll(async () => {
  await publisher.close();
  await store.stop();
});

function impinj(antennaPort: number, rssi: number, epc = SHIRT.base64) {
  return JSON.stringify({
    ...{ timestamp: '2026-03-01T10:00:00.123456789Z', hostname: 'impinj-14-2b-3c', eventType: 'tagInventory' },
    tagInventoryEvent: { epc, antennaPort, peakRssiCdbm: rssi * 100 },
  });
}

const say = (payload: string): Promise<void> => publisher.publishRaw('impinj/ceiling-1/events', payload);

async function events(): Promise<{ type: string; source: string; data: Record<string, unknown> }[]> {
  const { stdout, code } = await store.run(['journal', 'export', '--stream', 'items']);
  expect(code).toBe(0);
  return stdout
    .split('\n')
    .filter((text) => text !== '')
    .map((text) => JSON.parse(text));
}

describe('sightings of readers', { timeout: 120_000 }, () => {
  test('become arrivals, once, over a kill and a restart', async () => {
    await say(impinj(1, -60));
    await say(impinj(1, -61));
    // As one webhook of several objects without anything between them.
    const tag = (idHex: string) =>
      JSON.stringify({ type: 'SIMPLE', data: { idHex, antenna: 3, peakRssi: -50, reads: 4 } });
    const pushed = await fetch(`${store.httpUrl}/push/dock-1`, {
      method: 'POST',
      body: tag(PALLET.hex) + tag(PALLET.hex),
    });
    expect(pushed.status).toBe(202);
    await publisher.publish('rfid', 'wand', { epc: '3074257BF7194E4000001A86', antenna: 1 });
    // A reader without zones, an antenna without one, and a tag that is no EPC: counted, no more.
    await publisher.publish('rfid', 'somebody', { epc: '3074257BF7194E4000001A87', antenna: 1 });
    await publisher.publish('rfid', 'wand', { epc: '3074257BF7194E4000001A88', antenna: 9 });
    await say(impinj(1, -60, '4oARcAAAAgoSNKvN'));
    const told = await events();
    expect(told).toMatchObject([
      { type: 'retail.items.arrived.v1', source: '/store-0042/ceiling-1', data: { epc: SHIRT.uri, zone: 'floor' } },
      {
        type: 'retail.items.arrived.v1',
        source: '/store-0042/dock-1',
        data: { epc: PALLET.uri, zone: 'dock', reads: 4 },
      },
      { type: 'retail.items.arrived.v1', data: { serial: '6790', zone: 'floor', reader: 'wand' } },
    ]);
    await publisher.close();
    await store.edge.kill();
    await store.edge.start();
    publisher = await startPublisher(store.mqttUrl);
    await say(impinj(1, -60));
    await say(impinj(1, -60));
    expect(await events()).toEqual(told);
  });

  test('move an item when another antenna hears it and its own does not any more', async () => {
    await waitUntil('the shirt moves', async () => {
      await say(impinj(2, -40));
      return (await events()).some(({ type }) => type === 'retail.items.moved.v1');
    });
    expect((await events()).at(-1)).toMatchObject({
      data: { epc: SHIRT.uri, gtin: SHIRT.gtin, from: 'floor', zone: 'back-room', reader: 'ceiling-1', antenna: 2 },
    });
  });

  test('show in the command line and in the metrics', async () => {
    const lines = async (...args: string[]) => {
      const { stdout, code } = await store.run(['items', ...args]);
      expect(code).toBe(0);
      return stdout.trimEnd().split('\n');
    };
    expect((await lines('list', '--json')).map((text) => JSON.parse(text))).toMatchObject([
      { epc: SHIRT.uri, zone: 'back-room', gtin: SHIRT.gtin, serial: '6789', reader: 'ceiling-1', antenna: 2 },
      { serial: '6790', zone: 'floor', reader: 'wand' },
      { epc: PALLET.uri, zone: 'dock', sscc: '106141412345678908' },
    ]);
    expect(await lines('list', '--zone', 'dock')).toEqual([
      expect.stringMatching(/^EPC +ZONE +SINCE +PRODUCT +READER$/),
      expect.stringMatching(/^urn:epc:id:sscc:\S+ +dock +\S+Z +SSCC 106141412345678908 +dock-1, antenna 3$/),
    ]);
    expect(await lines('list', '--gtin', SHIRT.gtin, '--zone', 'nowhere')).toEqual(['no items']);
    expect((await lines('count')).map((text) => text.split(/ +/))).toEqual([
      ['ZONE', 'ITEMS', 'PRODUCTS'],
      ['back-room', '1', '1'],
      ['dock', '1', '0'],
      ['floor', '1', '1'],
      ['all', '3'],
    ]);
    expect((await lines('count', '--gtin', SHIRT.gtin, '--json')).map((text) => JSON.parse(text))).toEqual([
      { zone: 'back-room', items: 1, products: 1 },
      { zone: 'floor', items: 1, products: 1 },
    ]);
    expect(JSON.parse((await lines('show', PALLET.hex, '--json')).join())).toMatchObject({
      epc: PALLET.uri,
      zone: 'dock',
    });
    await say(impinj(1, -60, '4oARcAAAAgoSNKvN'));
    const metrics = await (await fetch(`${store.httpUrl}/metrics`)).text();
    expect(metrics).toContain('store_hub_items_known 3');
    expect(metrics).toContain('store_hub_rfid_unreadable_total 1');
    expect(metrics).toMatch(/store_hub_item_events_total\{event="moved"\} 1/);
  });

  test('explain a code, and what is wrong with one', async () => {
    const decoded = await store.run(['items', 'decode', '3074257BF7194E4000001A85']);
    expect(decoded.stdout).toContain(`gtin           ${SHIRT.gtin}`);
    expect(JSON.parse((await store.run(['items', 'decode', 'F714A24B3C5D6E7F', '--json'])).stdout)).toEqual({
      ...{ is: 'other', encoding: 'SGTIN+', hex: 'F714A24B3C5D6E7F' },
    });
    expect(await store.run(['items', 'decode', '3076625A0000004000000001'])).toMatchObject({
      ...{ code: 1, stderr: expect.stringContaining('no EPC: a company prefix over 7 digits') },
    });
    expect(await store.run(['items', 'show', '3074257BF7194E4000001A99'])).toMatchObject({ code: 1 });
    expect(await store.run(['items', 'list', '--gtin', '123'])).toMatchObject({ code: 2 });
  });
});
