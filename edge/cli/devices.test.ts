import { chmodSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import mqtt from 'mqtt';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { makeStore, type Store } from '../../device-sims/harness/store.ts';
import { difference, withDevice } from './config-edit.ts';
import { guessed } from './device-guess.ts';

const UPLINK_TOPIC = 'application/1/device/a84041000181c061/event/up';
const UPLINK = JSON.stringify({
  deduplicationId: 'u-1',
  time: '2026-03-02T10:00:00Z',
  deviceInfo: { deviceName: 'Fridge 7', deviceProfileName: 'EM300-TH', devEui: 'a84041000181c061' },
  ...{ fCnt: 1, fPort: 85, data: Buffer.from([0x01, 0x75, 0x32, 0x03, 0x67, 0x2d, 0x00]).toString('base64') },
});

const tag = (antennaPort: number): string =>
  JSON.stringify({
    ...{ timestamp: '2026-03-01T10:00:00.1Z', eventType: 'tagInventory' },
    tagInventoryEvent: { epc: 'MHQle_cZTkAAABqF', antennaPort, peakRssiCdbm: -5400 },
  });

describe('a running store', () => {
  let store: Store;

  beforeEach(async () => {
    store = await makeStore({
      config: {
        devices: [
          {
            name: 'freezer',
            codec: 'chirpstack',
            model: 'em300-th',
            unit: 'freezer-1',
            mqtt: { topic: 'lora/freezer/+' },
          },
          { name: 'camera', codec: 'axis', line: 'entrance', push: true },
        ],
      },
    });
    await store.edge.start();
  });

  afterEach(() => store.stop());

  const devices = async (...args: string[]) => {
    const { code, stdout, stderr } = await store.run(['devices', ...args]);
    return { code, stdout, stderr };
  };

  async function publish(...messages: [topic: string, payload: string][]): Promise<void> {
    const client = await mqtt.connectAsync(store.mqttUrl, { clientId: 'gateway' });
    for (const [topic, payload] of messages) await client.publishAsync(topic, payload, { qos: 1 });
    await client.endAsync();
  }

  test('lists devices, shows their frames, and takes a stranger up into its configuration', async () => {
    await publish(
      ['in/shelf/shelf-9', '{"shelf":"A1-1","count":3}'],
      ['lora/freezer/up', UPLINK],
      ['lora/freezer/up', 'not JSON'],
      [UPLINK_TOPIC, UPLINK.replace('u-1', 'u-2')],
      ['zigbee2mqtt/door-3', '{"contact":true,"temperature":4,"card":"4111111111111111","linkquality":90}'],
      ['sensors/7', '{"t":21.5}'],
      ['readers/gate', tag(1)],
    );
    const pushed = await fetch(`${store.httpUrl}/push/camera`, { method: 'POST', body: '{' });
    expect(pushed.status).toBe(400);
    expect(await pushed.json()).toHaveProperty('letter');
    expect((await fetch(`${store.httpUrl}/push/unknown`, { method: 'POST', body: 'x' })).status).toBe(404);

    const list = await devices('list');
    expect([list.code, list.stderr]).toEqual([0, '']);
    expect(list.stdout).toMatch(
      /freezer\s+chirpstack\s+mqtt lora\/freezer\/\+\s+unit freezer-1\s+\S+ s ago .* 50 %\s+refused/,
    );
    expect(list.stdout).toMatch(/camera\s+axis\s+POST \/push\/camera\s+line entrance .* refused/);
    expect(list.stdout).toMatch(/shelf-9\s+\(hub\).* ok /);
    expect(list.stdout).toMatch(/zigbee2mqtt\/door-3\s+gateway .* zigbee2mqtt \(climate\)\s/);
    expect(list.stdout).toMatch(/event\/up\s+gateway .* chirpstack \(climate, status\)\s/);
    expect(list.stdout).toMatch(/sensors\/7\s+gateway .* \?\s/);
    expect(list.stdout).toContain('POST /push/unknown');
    expect(list.stdout).not.toContain('4111111111111111');

    const metrics = await (await fetch(`${store.httpUrl}/metrics`)).text();
    expect(metrics).toMatch(/^store_hub_device_frames_refused_total\{codec="chirpstack"\} 1$/m);
    expect(metrics).toMatch(/^store_hub_devices\{codec="axis",state="refused"\} 1$/m);
    expect(metrics).toMatch(/^store_hub_strangers 5$/m);

    const watched = await devices('watch', 'freezer', '--once');
    expect(watched.stdout).toMatch(/lora\/freezer\/up {2}\d+ bytes\n {2}raw {6}\{"deduplicationId":"u-1"/);
    expect(watched.stdout).toMatch(/decoded +\{"kind":"climate".*"celsius":4\.5/);
    expect(watched.stdout).toMatch(/raw +not JSON\n {2}REFUSED/);
    expect((await devices('watch', 'nobody', '--once')).code).toBe(1);

    const before = readFileSync(store.configFile, 'utf8');
    const dry = await devices('adopt', UPLINK_TOPIC, '--unit', 'fridge-7', '--model', 'em300-th', '--dry-run');
    expect([dry.code, dry.stderr]).toEqual([0, '']);
    expect(dry.stdout).toContain('+   - name: Fridge-7');
    expect(readFileSync(store.configFile, 'utf8')).toBe(before);
    expect((await devices('adopt', UPLINK_TOPIC, '--unit', 'fridge-7')).stderr).toContain('needs --yes');
    const wrong = await devices('adopt', UPLINK_TOPIC, '--codec', 'scanner', '--yes');
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('codec scanner comes by serial')]);
    const unheard = await devices('adopt', 'nonsense', '--yes');
    expect([unheard.code, unheard.stderr]).toEqual([
      1,
      expect.stringMatching(/zigbee2mqtt\/door-3[\s\S]*what to do: `store-hub devices list` shows/),
    ]);
    expect((await devices('adopt', 'freezer', '--yes')).stderr).toContain('is in the configuration already');

    const adopted = await devices('adopt', UPLINK_TOPIC, '--unit', 'fridge-7', '--model', 'em300-th', '--yes');
    expect([adopted.code, adopted.stderr]).toEqual([0, '']);
    expect((await devices('adopt', 'shelf-9', '--yes')).code).toBe(0);
    expect((parse(readFileSync(store.configFile, 'utf8')) as { devices: object[] }).devices.slice(2)).toEqual([
      {
        ...{ name: 'Fridge-7', codec: 'chirpstack', model: 'em300-th', unit: 'fridge-7' },
        mqtt: { topic: 'application/1/device/a84041000181c061/event/+' },
      },
      { name: 'shelf-9' },
    ]);

    // What an entry makes of the last frames is shown first; one that understands none of them is not written.
    const gate = ['adopt', 'readers/gate', '--as', 'gate-1'];
    await publish(['readers/gate', tag(7)]);
    const letter = JSON.parse((await store.run(['dead-letters', 'list', '--json'])).stdout.split('\n')[0] ?? '') as {
      id: string;
    };
    const tooSoon = await store.run(['dead-letters', 'retry', letter.id]);
    expect(tooSoon.stderr).toContain('mapped to readers/gate: `store-hub devices adopt readers/gate`, then');
    const deaf = await devices(...gate, '--codec', 'zebra', '--yes');
    expect([deaf.code, deaf.stderr]).toEqual([2, expect.stringMatching(/zebra does not understand .* impinj would/)]);
    const antennas = ['--antenna', '1=entrance', '--antenna', '2=beverage', '--rhythm', '5m'];
    const taken = await devices(...gate, ...antennas, '--yes');
    expect(taken.stdout).toMatch(/understands [12], such as\n {2}\{"kind":"rfid","epc":"3074257BF7194E4000001A85"/);
    expect(taken.stdout).toContain('note: antenna 7 has no zone');
    expect(taken.stderr).toContain('zone beverage is named nowhere else; did you mean beverages?');
    const mapped = ['adopt', 'sensors/7', '--codec', 'mapping'];
    const empty = await devices(...mapped, '--map', 'climate=payload.t', '--yes');
    expect([empty.code, empty.stderr]).toEqual([2, expect.stringContaining('mapping.climate: gives a number')]);
    const climate = 'climate={"unit":"c-1","celsius":payload.t}';
    expect((await devices(...mapped, '--map', climate, '--yes')).stdout).toContain('"unit":"c-1","celsius":21.5');
    expect((parse(readFileSync(store.configFile, 'utf8')) as { devices: object[] }).devices.slice(4)).toEqual([
      {
        ...{ name: 'gate-1', codec: 'impinj', mqtt: { topic: 'readers/gate' } },
        ...{ antennas: { 1: 'entrance', 2: 'beverage' }, rhythm: '5m' },
      },
      {
        ...{ name: 'sensors-7', codec: 'mapping', mqtt: { topic: 'sensors/7' } },
        mapping: { climate: '{"unit":"c-1","celsius":payload.t}' },
      },
    ]);
    await store.edge.stop();
    expect((await devices('list')).code).toBe(1);
    await store.edge.start();
    const retried = await store.run(['dead-letters', 'retry', letter.id]);
    expect([retried.code, retried.stdout]).toEqual([0, `${letter.id}: accepted (1 new, 0 known already)\n`]);
    await publish([UPLINK_TOPIC, UPLINK.replace('u-1', 'u-3')], ['readers/gate', tag(7)], ['readers/gate', tag(1)]);
    const report = JSON.parse((await devices('list', '--json')).stdout) as {
      devices: { name: string; readings: number }[];
    };
    expect(report.devices.find(({ name }) => name === 'Fridge-7')?.readings).toBeGreaterThan(0);
    const noZone = 'antenna 7 has no zone: add it to antennas';
    expect((await devices('watch', 'gate-1', '--once')).stdout.split(noZone)).toHaveLength(2);
    const listed = (await devices('list')).stdout.split('\n').find((line) => line.startsWith('gate-1'));
    expect((await devices('list')).stdout).toMatch(/^camera .* not since the start \d+ s ago .* never /m);
    expect(listed).toMatch(new RegExp(`  ok +${noZone} \\(\\d+ s ago\\)$`));
  });

  test('tries a refused frame again through its codec, with its topic', async () => {
    // One entry reads one sensor: after a restart it is the other one.
    const other = UPLINK.replace('u-1', 'u-2').replace('a84041000181c061', 'a84041000181c062');
    await publish(['lora/freezer/up', UPLINK], ['lora/freezer/up', other]);
    const letters = async () =>
      (await store.run(['dead-letters', 'list', '--json'])).stdout
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as { id: string; kind: string; device: string });
    const [letter, ...more] = await letters();
    expect([letter?.kind, letter?.device, more]).toEqual(['frame', 'freezer', []]);
    const again = await store.run(['dead-letters', 'retry', letter?.id ?? '']);
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('another device comes by this topic')]);
    await store.edge.stop();
    await store.edge.start();
    const mended = await store.run(['dead-letters', 'retry', letter?.id ?? '']);
    expect([mended.code, mended.stdout]).toEqual([0, expect.stringMatching(/accepted \(\d new, 0 known already\)/)]);
    expect(await letters()).toEqual([]);
  });

  test('writes through a link, and keeps the rights of the file', async () => {
    await publish(['in/shelf/shelf-9', '{"shelf":"A1-1","count":3}']);
    chmodSync(store.configFile, 0o640);
    const link = join(store.dir, 'link.yaml');
    symlinkSync(store.configFile, link);
    expect((await devices('adopt', 'shelf-9', '--yes', '-c', link)).code).toBe(0);
    expect(statSync(store.configFile).mode & 0o777).toBe(0o640);
    expect(readFileSync(link, 'utf8')).toContain('- name: shelf-9');
  });
});

/** Each way that is not heard before, with what is written and what is refused; no edge has to run. */
test('adopts what comes by a serial line, a folder, OPC UA, an outside broker or a push, and says what does not fit', async () => {
  const store = await makeStore({ config: { brokers: [{ name: 'shop', url: 'mqtt://127.0.0.1:1' }] } });
  const run = (args: string) => store.run(['devices', 'adopt', ...args.split(' '), '--yes']);
  try {
    const wrong: [args: string, says: string][] = [
      ['s --codec mt-sics --serial usb-A --frame 9N1', 'devices[0].serial.frame: must be one of 8N1'],
      ['s --codec mt-sics --serial usb-A --baud fast', '--baud: expected a number, not fast'],
      ['s --codec mt-sics --serial usb-A', 'devices[0].codec: mt-sics needs `shelf`'],
      ['s --serial usb-A', 'name its format with --codec'],
      ['t --codec csv --folder in --map gtin=EAN', 'devices[0].mapping: transaction is missing'],
      ['t --codec csv --folder in --map gtin', '--map gtin: expected two sides'],
      ['t --codec poslog --folder in --push', 'one way only: push or folder'],
      ['c --codec opcua --opcua opc.tcp://h:1 --node celsius=T', 'T is no node id'],
      ['b --codec frigate --broker shop', '--broker needs --topic'],
      ['b --codec zigbee2mqtt --broker other --topic x', 'no broker "other" in `brokers`'],
      ['p --codec xovis --push', 'devices[0].codec: xovis needs `line`'],
      ['p --codec xovis --push --line a --antenna one=b', 'expected the number of an antenna'],
    ];
    const before = readFileSync(store.configFile, 'utf8');
    const refused = await Promise.all(wrong.map(([args]) => run(args)));
    for (const [index, [args, says]] of wrong.entries())
      expect([refused[index]?.code, refused[index]?.stderr], args).toEqual([2, expect.stringContaining(says)]);
    expect(readFileSync(store.configFile, 'utf8')).toBe(before);
    const scale = await run(
      's --codec mt-sics --serial /dev/serial/by-id/usb-A --baud 4800 --shelf A9 --calibrate weight=2',
    );
    expect(scale.stderr).toMatch(/shelf A9 is not in the planogram[\s\S]*usb-A is not plugged in now/);
    await run('t --codec poslog --folder in --files *.xml --after move --till t');
    await run('c --codec opcua --opcua opc.tcp://h:1 --node celsius/product=ns=2;s=T --unit u --security sign');
    await run('b --codec zigbee2mqtt --broker shop --topic zigbee2mqtt/x --unit u');
    await run('p --codec xovis --push --place L=door');
    const { devices } = parse(readFileSync(store.configFile, 'utf8')) as { devices: object[] };
    expect(devices).toEqual([
      {
        ...{ name: 's', codec: 'mt-sics', serial: { port: 'usb-A', baud: 4800 } },
        ...{ shelf: 'A9', calibration: { weight: 2 } },
      },
      { name: 't', codec: 'poslog', folder: { path: 'in', files: '*.xml', after: 'move' }, till: 't' },
      {
        ...{ name: 'c', codec: 'opcua', unit: 'u' },
        opcua: {
          endpoint: 'opc.tcp://h:1',
          nodes: [{ node: 'ns=2;s=T', is: 'celsius', probe: 'product' }],
          security: 'sign',
        },
      },
      { name: 'b', codec: 'zigbee2mqtt', mqtt: { topic: 'zigbee2mqtt/x', broker: 'shop' }, unit: 'u' },
      { name: 'p', codec: 'xovis', push: true, places: { L: 'door' } },
    ]);
  } finally {
    await store.stop();
  }
});

describe('an entry', () => {
  const ENTRY = { name: 'door-3', codec: 'zigbee2mqtt', mqtt: { topic: 'zigbee2mqtt/door-3' } };
  const added = (text: string): string[] =>
    difference(text, withDevice(text, ENTRY))
      .split('\n')
      .filter((line) => /^[+-]/.test(line));

  test.each([
    ['without devices', '# shop\nhub: store-1   # its name\n\nhttp: { listen: 127.0.0.1:80 }\n'],
    ['with devices at the end', 'hub: store-1\ndevices:\n  # first\n  - name: a # why\n    codec: hub\n'],
    ['with devices in the middle', 'hub: s\ndevices:\n- name: a\n\n# after\nhttp:   { listen: "x" }\n'],
    ['without a newline at its end', 'hub: s\ndevices:\n    - {name: a}'],
  ])('goes into a file %s, and nothing else of it changes', (_, text) => {
    const after = withDevice(text, ENTRY);
    const expected = parse(text) as { devices?: object[] };
    expect(parse(after)).toEqual({ ...expected, devices: [...(expected.devices ?? []), ENTRY] });
    expect(added(text).filter((line) => line.startsWith('-'))).toEqual([]);
    for (const line of text.split('\n')) expect(after.split('\n')).toContain(line);
  });

  test('goes into an empty list, too', () => {
    for (const text of [
      'hub: s # why\ndevices: []\n',
      'hub: s # why\ndevices: [{ name: a }]\n',
      'hub: s # why\ndevices:\n',
    ]) {
      const after = withDevice(text, ENTRY);
      expect((parse(after) as { devices: object[] }).devices.at(-1)).toEqual(ENTRY);
      expect(after).toContain('# why');
    }
  });
});

test('formats are guessed from topics and from what begins a frame', () => {
  const cases: [topic: string, text: string, guess: [string, string, string] | undefined][] = [
    ['zigbee2mqtt/kitchen/door', '', ['zigbee2mqtt', 'zigbee2mqtt/kitchen/door', 'kitchen/door']],
    ['zigbee2mqtt/door/availability', '', ['zigbee2mqtt', 'zigbee2mqtt/door', 'door']],
    ['zigbee2mqtt/bridge/state', '{"state":"online"}', undefined],
    ['v3/shop@ttn/devices/em300-1/up', '', ['things-stack', 'v3/shop@ttn/devices/em300-1/#', 'em300-1']],
    ['home/gate-1/BTtoMQTT/AABBCC', '{}', ['ble-gateway', 'home/gate-1/BTtoMQTT/#', 'gate-1']],
    [
      'readers/dock/events',
      '[{"eventType":"tagInventory","tagInventoryEvent":',
      ['impinj', 'readers/dock/events', 'dock-events'],
    ],
    ['fx/tags', '{"type":"SIMPLE","data":{"idHex":"30', ['zebra', 'fx/tags', 'fx-tags']],
    ['counter', '{"logics_data":{"package', ['xovis', 'counter', 'counter']],
    ['x', '{"apiName":"Axis Retail Data","da', ['axis', 'x', 'x']],
    ['sensors/1', '{"t":21.5}', undefined],
  ];
  for (const [topic, text, guess] of cases) {
    const found = guessed(topic, text);
    expect(found && [found.codec, found.topic, found.name], topic).toEqual(guess);
  }
});

test('check-config and the edge say what a codec lacks in the same words, at its key', async () => {
  const till = { name: 'till', codec: 'csv', push: true, till: 't', mapping: { gtin: 'EAN' } };
  const store = await makeStore({ config: { devices: [{ name: 'door', codec: 'xovis', push: true }, till] } });
  try {
    const { code, stdout } = await store.run(['check-config']);
    expect([code, stdout]).toEqual([78, expect.stringMatching(/yaml:\d+:\d+: devices\[0\]\.codec: xovis needs/)]);
    expect(stdout).toMatch(/yaml:\d+:\d+: devices\[1\]\.mapping: transaction is missing/);
    const started = await store.run(['edge']);
    expect([started.code, started.stderr]).toEqual([78, expect.stringContaining(stdout.trim())]);
  } finally {
    await store.stop();
  }
});
