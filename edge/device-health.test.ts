/** What staff, status and head office hear of devices that are not well: through a real writer, by frames and readings. */
import { afterEach, describe, expect, it } from 'vitest';
import { dataSchemaOf, isEventType } from './contracts/events.ts';
import { DeviceShop, deviceConfig } from './device-shop.fixture.ts';
import { readersOf } from './reader-zones.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let shop: DeviceShop;
afterEach(() => {
  // Whatever was journaled is as the catalogue says.
  for (const { type, data } of shop.events()) if (isEventType(type)) dataSchemaOf(type).parse(data);
  shop.close();
});

const FRIDGE = deviceConfig('fridge-1', { rhythm: 10 * MINUTE, unit: 'freezer' });

const beat = (device = 'fridge-1'): unknown => shop.says('climate', device, { unit: 'freezer', celsius: -18 });
const status = (body: object, device = 'fridge-1'): unknown => shop.says('status', device, body);

/** Each change of an alert so far: state, title. */
const said = (): string[] => shop.alerts.splice(0).map(({ state, title }) => `${state}: ${title}`);
const types = (): string[] => shop.events().map(({ type }) => type.replace(/^retail\.|\.v1$/g, ''));

describe('a silent device', () => {
  it('calls for staff with what to do, is quiet in the status, and closes when it is heard', () => {
    shop = new DeviceShop([FRIDGE]);
    for (let i = 0; i < 5; i += 1) {
      beat();
      shop.pass(9 * MINUTE);
    }
    expect(said()).toEqual([]);
    shop.pass(MINUTE);
    expect(shop.open()).toMatchObject([
      {
        ...{ rule: 'device-health', subject: 'fridge-1', state: 'open', severity: 'warning' },
        title: 'fridge-1: is quiet',
        detail:
          'Nothing came from it since 2026-11-20 10:36, though it should say something at least every 10 minutes. Check its plug, its cable or Wi-Fi, and its battery if it has one. It stands at: freezer.',
      },
    ]);
    expect(shop.events('retail.devices.silent.v1')).toMatchObject([
      { source: 'devices', data: { device: 'fridge-1', since: '2026-11-20T09:36:00.000Z', expected_s: 600 } },
    ]);
    expect(shop.writer.tick(true).figures.quiet).toEqual(['fridge-1']);
    beat();
    shop.pass(1000);
    expect(said()).toEqual(['open: fridge-1: is quiet', 'resolved: fridge-1: is quiet']);
    expect(shop.writer.tick(true).figures.quiet).toEqual([]);
    expect(types().slice(-2)).toEqual(['devices.seen', 'alerts.resolved']);
  });

  it('outlives a restart as one alert, and a hub that was down calls nobody silent for it', () => {
    shop = new DeviceShop([FRIDGE]);
    beat();
    shop.restart({}, 8 * HOUR);
    shop.pass(9 * MINUTE);
    expect(said()).toEqual([]);
    shop.pass(MINUTE);
    const [alert] = shop.open();
    shop.restart({}, HOUR);
    shop.pass(HOUR);
    expect(shop.open().map(({ id }) => id)).toEqual([alert?.id]);
    beat();
    shop.pass(1000);
    expect(shop.open()).toEqual([]);
  });

  it('is the gateway that many come by, when none of them is heard: one alert, and single ones after it is back', () => {
    const gateway = { codec: 'chirpstack', model: 'em300-th' } as const;
    const names = Array.from({ length: 7 }, (_, index) => `fridge-${index + 1}`);
    const sensors = names.map((name) =>
      deviceConfig(name, { ...gateway, mqtt: { topic: `application/1/device/${name}/event/up` }, rhythm: 20 * MINUTE }),
    );
    shop = new DeviceShop([...sensors, deviceConfig('door', { rhythm: 5 * MINUTE })]);
    const talk = (): unknown => shop.says('status', 'door', { online: true });
    // Not understood, and a sign of life all the same.
    const hear = (...who: readonly string[]): void => {
      for (const name of who) shop.frame(name, 'garbage');
      talk();
    };
    for (let i = 0; i < 10; i += 1) {
      hear(...names);
      shop.pass(4 * MINUTE);
    }
    expect(said()).toEqual([]);
    hear(...names);
    for (let i = 0; i < 10; i += 1) {
      talk();
      shop.pass(4 * MINUTE);
    }
    expect(shop.open()).toMatchObject([
      {
        ...{ rule: 'device-health', subject: 'lorawan/chirpstack', state: 'open', severity: 'warning' },
        title: 'LoRaWAN gateway: is silent, 7 devices behind it',
        detail:
          'None of the devices that come by it was heard since 2026-11-20 10:40: fridge-1, fridge-2, fridge-3, fridge-4, fridge-5 and 2 more. Check the power and the network cable of the LoRaWAN gateway, then whether its network server runs.',
      },
    ]);
    expect(shop.writer.tick(true).figures.quiet).toEqual(names);
    shop.restart();
    for (let i = 0; i < 6; i += 1) {
      hear(...names.slice(1));
      shop.pass(4 * MINUTE);
    }
    expect(said().filter((change) => !change.includes('door'))).toEqual([
      'open: LoRaWAN gateway: is silent, 7 devices behind it',
      'resolved: LoRaWAN gateway: is silent, 7 devices behind it',
      'open: fridge-1: is quiet',
    ]);
    expect(shop.events('retail.devices.silent.v1').map(({ data }) => (data as { behind?: number }).behind)).toEqual([
      7,
      undefined,
    ]);
  });

  it('is taken back where the gateway turns out to be silent', () => {
    const behind = (name: string, rhythm: number) =>
      deviceConfig(name, { codec: 'zigbee2mqtt', mqtt: { topic: `zigbee2mqtt/${name}` }, rhythm });
    shop = new DeviceShop([behind('door', 5 * MINUTE), behind('window', 60 * MINUTE)]);
    for (const name of ['door', 'window']) shop.frame(name, '{"linkquality":9}', `zigbee2mqtt/${name}`);
    shop.pass(0);
    for (let i = 0; i < 30; i += 1) shop.pass(MINUTE);
    expect(said()).toEqual([
      'open: door: is quiet',
      'open: Zigbee gateway: is silent, 2 devices behind it',
      'resolved: door: is quiet',
    ]);
    expect(shop.events('retail.alerts.resolved.v1')).toMatchObject([{ data: { reason: 'folded' } }]);
    shop.restart({ devices: [behind('door', 5 * MINUTE)] });
    expect(shop.open()).toEqual([]);
  });

  it('that is taken out of the configuration is not waited for any more', () => {
    shop = new DeviceShop([FRIDGE]);
    shop.pass(0);
    shop.pass(10 * MINUTE);
    expect(shop.open()).toHaveLength(1);
    shop.restart({ devices: [] });
    expect(shop.open()).toEqual([]);
    expect(shop.events('retail.alerts.resolved.v1')).toMatchObject([{ data: { reason: 'configuration' } }]);
    shop.restart({ devices: [FRIDGE] });
    shop.pass(0);
    shop.pass(10 * MINUTE);
    expect(shop.open()).toHaveLength(1);
  });

  it('that keeps coming and going rings once, and is over when it has stayed for an hour', () => {
    shop = new DeviceShop([deviceConfig('fridge-1', { rhythm: MINUTE })]);
    shop.pass(0);
    for (let i = 0; i < 60; i += 1) {
      shop.pass(MINUTE);
      beat();
      shop.pass(1000);
    }
    const changes = said();
    expect(changes.filter((change) => change.startsWith('open'))).toEqual([
      ...Array.from({ length: 4 }, () => 'open: fridge-1: is quiet'),
      'open: fridge-1: comes and goes',
    ]);
    expect(changes).toHaveLength(9);
    for (let i = 0; i < 59; i += 1) {
      shop.pass(MINUTE - 1000);
      beat();
    }
    expect(said()).toEqual([]);
    for (let i = 0; i < 4; i += 1) {
      shop.pass(MINUTE - 1000);
      beat();
    }
    expect(said()).toEqual(['resolved: fridge-1: comes and goes']);
  });

  it('is off line by its own word as well', () => {
    shop = new DeviceShop([deviceConfig('zigbee', { codec: 'zigbee2mqtt', unit: 'freezer' })]);
    shop.frame('zigbee', 'offline', 'zigbee2mqtt/door/availability');
    expect(said()).toEqual(['open: zigbee: is off line']);
    expect(shop.open()[0]?.detail).toContain('the Zigbee gateway');
    shop.frame('zigbee', '{"state":"online"}', 'zigbee2mqtt/door/availability');
    expect(said()).toEqual(['resolved: zigbee: is off line']);
  });

  it('is on line again with the first thing that it says, and not because somebody says that it is off line', () => {
    shop = new DeviceShop([FRIDGE]);
    beat();
    shop.pass(11 * MINUTE);
    shop.pass(0);
    expect(said()).toEqual(['open: fridge-1: is quiet']);
    // Its broker gives it up later than the hub does.
    status({ online: false });
    shop.pass(1000);
    expect(said()).toEqual([]);
    beat();
    shop.pass(1000);
    expect(said()).toEqual(['resolved: fridge-1: is quiet']);
    shop.pass(MINUTE);
    beat();
    status({ online: false });
    shop.pass(1000);
    expect(said()).toEqual(['open: fridge-1: is off line']);
    shop.restart({}, MINUTE);
    beat();
    shop.pass(1000);
    expect(said()).toEqual(['resolved: fridge-1: is off line']);
    const seen = shop.events('retail.devices.seen.v1').map(({ data }) => (data as { online: boolean }).online);
    expect(seen).toEqual([false, true, false, true]);
  });

  it('is what sends nothing: garbage, and what the hub only counts, are signs of life', () => {
    shop = new DeviceShop([deviceConfig('zigbee', { codec: 'zigbee2mqtt', rhythm: 10 * MINUTE })]);
    for (const content of ['{', '{"linkquality":9}', '[]', '{"action":"single"}']) {
      shop.frame('zigbee', content, 'zigbee2mqtt/door');
      shop.pass(9 * MINUTE);
    }
    expect(said()).toEqual([]);
  });
});

describe('staff', () => {
  it('who say that it is done hear no more of it, until it was well or something else is wrong', () => {
    shop = new DeviceShop([FRIDGE]);
    beat();
    shop.pass(10 * MINUTE);
    shop.act('dismiss');
    said();
    shop.pass(48 * HOUR);
    expect(said()).toEqual([]);
    status({ online: true, battery_percent: 10 });
    expect(said()).toEqual(['open: fridge-1: battery low']);
    shop.pass(1000);
    expect(said()).toEqual([]);
    shop.pass(10 * MINUTE);
    expect(said()).toEqual(['open: fridge-1: is quiet']);
  });

  it('are reminded after a day of what they acknowledged, and when their snooze is over', () => {
    shop = new DeviceShop([FRIDGE]);
    beat();
    shop.pass(10 * MINUTE);
    shop.act('acknowledge');
    shop.pass(23 * HOUR);
    expect(said()).toEqual(['open: fridge-1: is quiet', 'acknowledged: fridge-1: is quiet']);
    shop.pass(HOUR);
    expect(said()).toEqual(['open: fridge-1: is quiet']);
    shop.act('snooze', 30);
    shop.pass(30 * MINUTE);
    expect(said()).toEqual(['snoozed: fridge-1: is quiet', 'open: fridge-1: is quiet']);
    expect(shop.events('retail.alerts.reopened.v1').map(({ data }) => (data as { reason: string }).reason)).toEqual([
      'remind',
      'snooze-ended',
    ]);
  });
});

describe('a battery', () => {
  it('is low at 15 %, and well at 20 %; between them nothing changes', () => {
    shop = new DeviceShop([deviceConfig('fridge-1')]);
    for (const battery_percent of [40, 16, 15, 17, 19, 14, 3, 20, 16]) status({ online: true, battery_percent });
    expect(said()).toEqual(['open: fridge-1: battery low', 'resolved: fridge-1: battery low']);
    expect(shop.events('retail.alerts.raised.v1')).toMatchObject([
      { data: { severity: 'info', detail: 'Its battery is at 15 %. Replace it.' } },
    ]);
  });

  it('stays known where a later status says nothing of it', () => {
    shop = new DeviceShop([]);
    status({ online: true, battery_percent: 40 });
    status({ online: true });
    status({ online: true, battery_percent: 40 });
    expect(shop.events('retail.devices.seen.v1')).toHaveLength(1);
  });

  it('of a device behind a gateway is told of by its own name', () => {
    const places = { 'cold room/door': 'freezer-1' };
    shop = new DeviceShop([deviceConfig('zigbee', { codec: 'zigbee2mqtt', mqtt: { topic: 'zigbee2mqtt/#' }, places })]);
    shop.frame('zigbee', { contact: true, battery: 7 }, 'zigbee2mqtt/cold room/door');
    expect(said()).toEqual(['open: zigbee.cold room.door: battery low']);
  });

  it('of a device behind a gateway is over when the gateway is taken out of the configuration', () => {
    const places = { door: 'freezer-1' };
    shop = new DeviceShop([deviceConfig('zigbee', { codec: 'zigbee2mqtt', mqtt: { topic: 'zigbee2mqtt/#' }, places })]);
    shop.frame('zigbee', { contact: true, battery: 7 }, 'zigbee2mqtt/door');
    expect(shop.open()).toHaveLength(1);
    shop.restart({});
    expect(shop.open()).toHaveLength(1);
    shop.restart({ devices: [] });
    expect(shop.open()).toEqual([]);
    expect(shop.events('retail.alerts.resolved.v1')).toMatchObject([{ data: { reason: 'configuration' } }]);
  });

  it('of a device that nobody configured calls nobody', () => {
    shop = new DeviceShop([]);
    status({ online: false, battery_percent: 2 });
    expect(said()).toEqual([]);
  });

  it('of the past calls nobody', () => {
    shop = new DeviceShop([deviceConfig('fridge-1')]);
    status({ online: true, battery_percent: 90, time: shop.clocks.wallMs });
    status({ online: true, battery_percent: 2, time: shop.clocks.wallMs - HOUR });
    expect(said()).toEqual([]);
  });
});

describe('antennas of a reader', () => {
  const READER = deviceConfig('ceiling', { codec: 'impinj', antennas: { 1: 'floor', 2: 'back', 3: 'back' } });

  it('that are not connected are told of, each, until it is; over a restart and till the configuration drops them', () => {
    const items = { profile: 'default', departedAfter: 10 * MINUTE, readers: readersOf([READER]) } as const;
    shop = new DeviceShop([READER], { items });
    const antenna = (port: number, is: 'Connected' | 'Disconnected'): unknown => {
      const eventType = `antenna${is}`;
      return shop.frame('ceiling', { eventType, [`${eventType}Event`]: { antennaPort: port } });
    };
    antenna(3, 'Disconnected');
    antenna(8, 'Disconnected');
    expect(said()).toEqual(['open: ceiling: antenna 3 is not connected']);
    expect(shop.open()[0]).toMatchObject({ severity: 'warning', detail: expect.stringContaining('in back') });
    expect(shop.open()[0]?.detail).toContain('check its cable');
    shop.act('acknowledge');
    shop.restart({ items });
    antenna(3, 'Disconnected');
    antenna(1, 'Disconnected');
    antenna(3, 'Connected');
    expect(said()).toEqual([
      'acknowledged: ceiling: antenna 3 is not connected',
      'open: ceiling: antenna 1 is not connected',
      'open: ceiling: antenna 1 is not connected',
    ]);
    const { 1: _, ...left } = READER.antennas ?? {};
    const changed = { ...READER, antennas: left };
    shop.restart({ devices: [changed], items: { ...items, readers: readersOf([changed]) } });
    expect(shop.open()).toEqual([]);
    expect(shop.events('retail.devices.antenna.v1').map(({ data }) => data)).toEqual([
      { device: 'ceiling', antenna: 3, zone: 'back', state: 'disconnected' },
      { device: 'ceiling', antenna: 1, zone: 'floor', state: 'disconnected' },
      { device: 'ceiling', antenna: 3, zone: 'back', state: 'connected' },
      { device: 'ceiling', antenna: 1, state: 'connected' },
    ]);
  });
});

describe('a device with several troubles', () => {
  it('has one alert, the worst first, which gets better quietly', () => {
    shop = new DeviceShop([FRIDGE]);
    status({ online: true, battery_percent: 4 });
    shop.pass(10 * MINUTE);
    expect(said()).toEqual(['open: fridge-1: battery low', 'open: fridge-1: is quiet']);
    expect(shop.open()).toHaveLength(1);
    expect(shop.open()[0]?.detail).toMatch(/Nothing came from it.*Its battery is at 4 %/);
    shop.act('acknowledge');
    beat();
    shop.pass(1000);
    expect(said()).toEqual(['acknowledged: fridge-1: is quiet', 'acknowledged: fridge-1: battery low']);
    status({ online: true, battery_percent: 100 });
    expect(said()).toEqual(['resolved: fridge-1: battery low']);
  });
});

describe('a counter', () => {
  const total = (total_in: number, more = {}): unknown =>
    shop.says('traffic', 'counter-1', { line: 'door', total_in, ...more });

  it('that began anew is told of for a while, one that wrapped is not', () => {
    shop = new DeviceShop([deviceConfig('counter-1')]);
    for (const count of [65_530, 65_535, 4]) total(count, { wraps_at: 65_536 });
    expect(said()).toEqual([]);
    expect(shop.events('retail.devices.counterreset.v1')).toMatchObject([
      { source: 'counter-1', data: { device: 'counter-1', line: 'door', from: 65_535, to: 4, wrapped: true } },
    ]);
    total(1);
    expect(shop.open()[0]?.detail).toContain('fell from 4 to 1');
    shop.pass(4 * HOUR);
    expect(said()).toEqual(['open: counter-1: its counter began anew', 'resolved: counter-1: its counter began anew']);
    total(5000);
    total(9000);
    expect(said()).toEqual(['open: counter-1: its counter jumped']);
    expect(shop.events('retail.traffic.crossed.v1').map(({ data }) => data)).toEqual([
      { line: 'door', in: 5, out: 0 },
      { line: 'door', in: 5, out: 0 },
      { line: 'door', in: 4999, out: 0 },
    ]);
  });
});

it('a clock that is constantly off is told of, a backlog that comes at once is not', () => {
  shop = new DeviceShop([deviceConfig('till-1', { rhythm: 48 * HOUR })]);
  const ring = (late: number): unknown =>
    shop.says('climate', 'till-1', { unit: 'x', celsius: 1, time: shop.clocks.wallMs - late });
  for (let i = 0; i < 40; i += 1) ring(2 * HOUR - i * MINUTE);
  shop.pass(1000);
  for (let i = 0; i < 30; i += 1) {
    ring(0);
    shop.pass(MINUTE);
  }
  expect(said()).toEqual([]);
  for (let i = 0; i < 30; i += 1) {
    ring(3 * MINUTE);
    shop.pass(MINUTE);
  }
  expect(said()).toEqual(['open: till-1: its clock is wrong']);
  expect(shop.open()[0]).toMatchObject({ severity: 'info', detail: expect.stringContaining('3 minutes behind') });
  expect(shop.events('retail.devices.clock.v1')).toMatchObject([{ data: { seconds: -180, off: true } }]);
  for (let i = 0; i < 30; i += 1) {
    ring(0);
    shop.pass(MINUTE);
  }
  expect(said()).toEqual(['resolved: till-1: its clock is wrong']);
});
