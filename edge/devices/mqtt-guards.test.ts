import mqtt from 'mqtt';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ControlledIntake, plainCodec as codec } from './controlled-intake.ts';
import type { DoorLimits } from './door-options.ts';
import { InFlight } from './in-flight.ts';
import { MqttDoor } from './mqtt-door.ts';
import { connectPacket, packet, publishPacket, RawMqtt, subscribePacket, until } from './raw-mqtt.ts';

let intake: ControlledIntake;
let door: MqttDoor;
let port: number;

async function open(limits: Partial<DoorLimits> = {}, inFlight = new InFlight(1_000_000)): Promise<void> {
  const logger = pino({ level: 'silent' });
  door = new MqttDoor({ listen: { host: '127.0.0.1', port: 0 }, intake, codec, logger, inFlight, limits });
  ({ port } = await door.start());
}

beforeEach(() => {
  intake = new ControlledIntake();
});

afterEach(async () => {
  intake.answer();
  await door.stop(100);
});

const bodies = () => intake.deliveries.map(({ readings }) => readings[0]?.body);

describe('guards', () => {
  test.each([
    ['a publish of 2 MiB', [connectPacket(), Buffer.from([0x32, 0x80, 0x80, 0x80, 0x01])]],
    ['a partial CONNECT of 100 KiB', [Buffer.from([0x10, 0xa0, 0x8d, 0x06]), Buffer.alloc(1000)]],
    ['a SUBSCRIBE of 1 MiB', [connectPacket(), Buffer.from([0x82, 0x80, 0x80, 0x40])]],
    ['a length of five bytes', [connectPacket(), Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0x01])]],
    ['65 filters', [connectPacket(), subscribePacket(Array.from({ length: 65 }, (_, i) => [`out/${i}`, 0] as const))]],
  ])('close a connection for %s before it is collected', async (_, bytes) => {
    await open();
    const raw = await RawMqtt.dial(port);
    for (const part of bytes) raw.send(part);
    await until(() => raw.closed);
    expect(door.counters.brokenPacketClosed).toBe(1);
    await until(() => door.connections === 0);
  });

  test('let a publish of 1 MiB through, in however many pieces', async () => {
    await open({}, new InFlight(10_000_000));
    const raw = await RawMqtt.open(port);
    const payload = Buffer.alloc(1_048_576, 'ok');
    const whole = publishPacket('in/sale/t', payload, 1, 1);
    for (let at = 0; at < whole.length; at += 99_991) raw.send(whole.subarray(at, at + 99_991));
    await until(() => raw.acknowledged.length === 1);
    expect(bodies()[0]).toHaveLength(1_048_576);
  });

  test('let large packets arrive a few at a time, so that all of them end', async () => {
    await open({ arriving: 400_000 }, new InFlight(10_000_000));
    const payload = Buffer.alloc(300_000, 'ok');
    const raws = await Promise.all(Array.from({ length: 5 }, (_, i) => RawMqtt.open(port, { id: `large-${i}` })));
    const whole = publishPacket('in/sale/t', payload, 1, 1);
    const [first, second, third, ...rest] = raws;
    first?.send(whole.subarray(0, 250_000));
    await until(() => door.largePackets.holders === 1);
    // Whole on the wire, but the first one has the room.
    for (const raw of [second, ...rest]) raw?.send(whole);
    third?.send(whole.subarray(0, 200_000));
    const small = await RawMqtt.open(port, { id: 'small' });
    for (let i = 0; i < 20; i += 1) await small.ping();
    expect(intake.deliveries).toEqual([]);
    // One that waits for room and goes away does not keep it.
    third?.socket.destroy();
    first?.send(whole.subarray(250_000));
    await until(() => raws.every((raw) => raw === third || raw.acknowledged.length === 1));
    expect(intake.deliveries).toHaveLength(4);
  });

  test('close who does not say CONNECT in time, and who says something else first', async () => {
    await open({ connectTimeout: 100 });
    const silent = await RawMqtt.dial(port);
    const rude = await RawMqtt.dial(port);
    rude.send(publishPacket('in/sale/t', 'ok', 1, 1));
    await until(() => rude.closed && silent.closed);
    expect(intake.deliveries).toEqual([]);
  });

  test('close who begins a packet and does not end it', async () => {
    await open({ packetAge: 1 });
    const slow = await RawMqtt.open(port, { id: 'slow' });
    slow.send(publishPacket('in/sale/t', 'ok', 1, 1).subarray(0, 8));
    const busy = await RawMqtt.open(port, { id: 'busy' });
    await until(() => {
      busy.send(publishPacket('in/sale/t', 'ok', 1, 1));
      return slow.closed;
    });
    expect(busy.closed).toBe(false);
  });

  test('turn away connections over the limit', async () => {
    await open({ connections: 2 });
    await RawMqtt.open(port, { id: 'a' });
    await RawMqtt.open(port, { id: 'b' });
    const third = await RawMqtt.dial(port);
    await until(() => third.closed);
    expect(door.counters.connectionsRefused).toBe(1);
  });

  test('refuse an empty client id with a session to keep, and MQTT 5', async () => {
    await open();
    const raw = await RawMqtt.dial(port);
    raw.send(connectPacket({ id: '', clean: false }));
    await until(() => raw.closed);
    expect(raw.of(2)[0]?.body[1]).toBe(2);
    const modern = { reconnectPeriod: 0, protocolVersion: 5 } as const;
    await expect(mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, modern)).rejects.toThrow();
    await RawMqtt.open(port, { id: '', clean: true });
  });

  test('survive noise: whatever is sent, the next device is served', async () => {
    await open();
    let state = 1;
    const random = () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
      return state / 0x7fffffff;
    };
    for (let i = 0; i < 200; i += 1) {
      const raw = await RawMqtt.dial(port);
      const noise = Buffer.from(
        Array.from({ length: 1 + Math.floor(random() * 60) }, () => Math.floor(random() * 256)),
      );
      const good = i % 2 === 0 ? connectPacket({ id: `n${i}` }) : Buffer.alloc(0);
      const first = [0x30, 0x32, 0x82, 0xa2, 0x40, 0x50, 0x62, 0x70, 0xc0, 0xe0, 0x10, 0x20][i % 12] ?? 0;
      raw.send(good, i % 3 === 0 ? noise : packet(first, noise));
      raw.socket.end();
    }
    const raw = await RawMqtt.open(port, { id: 'last' });
    raw.send(publishPacket('in/sale/t', 'ok last', 1, 1));
    await until(() => raw.acknowledged.length === 1);
    expect(bodies()).toContain('ok last');
  });

  test('close one connection for a fault of our own', async () => {
    await open();
    const raw = await RawMqtt.open(port);
    intake.fault = new Error('no journal');
    raw.send(publishPacket('in/sale/t', 'ok', 1, 1));
    await until(() => raw.closed);
    expect(raw.acknowledged).toEqual([]);
    const next = await RawMqtt.open(port, { id: 'next' });
    next.send(publishPacket('in/sale/t', 'ok', 1, 1));
    await until(() => next.acknowledged.length === 1);
    expect(door.counters.faults).toBe(1);
    expect(door.inFlight.bytes).toBe(0);
  });
});

describe('back-pressure', () => {
  const kilobyte = 'ok'.repeat(512);

  test('stops reading over the limit and goes on under half of it, and nothing is lost', async () => {
    const inFlight = new InFlight(200_000);
    await open({}, inFlight);
    intake.automatic = false;
    const bystander = await RawMqtt.open(port, { id: 'bystander' });
    // Each may have a few kilobytes under way while much waits, so it takes many to reach the limit.
    const raws = await Promise.all(Array.from({ length: 80 }, (_, i) => RawMqtt.open(port, { id: `d${i}` })));
    for (const raw of raws) {
      raw.send(...Array.from({ length: 50 }, (_, i) => publishPacket('in/sale/t', kilobyte, 1, i + 1)));
    }
    await until(() => inFlight.paused);
    const held = intake.deliveries.length;
    // What one read can hold beyond the limit.
    expect(held).toBeLessThan(1000);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(intake.deliveries.length).toBe(held);
    bystander.send(publishPacket('in/sale/t', 'ok late', 1, 1));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(intake.deliveries.length).toBe(held);
    intake.automatic = true;
    intake.answer();
    await until(() => raws.every((raw) => raw.acknowledged.length === 50));
    await until(() => bystander.acknowledged.length === 1);
    expect(intake.deliveries).toHaveLength(4001);
    expect(inFlight).toMatchObject({ bytes: 0, deliveries: 0, paused: false });
    for (const raw of raws) expect(raw.acknowledged).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
  });

  test('does not cut a device that cannot be heard because of it', async () => {
    await open({}, new InFlight(1000));
    intake.automatic = false;
    const alive = await RawMqtt.open(port, { id: 'alive', keepAlive: 1 });
    const full = await RawMqtt.open(port, { id: 'full', keepAlive: 1 });
    full.send(publishPacket('in/sale/t', kilobyte, 1, 1));
    await until(() => door.inFlight.paused);
    const start = door.tick;
    alive.send(Buffer.from([0xc0, 0]));
    await until(() => door.tick >= start + 4);
    expect([alive.closed, full.closed]).toEqual([false, false]);
    intake.answer();
    await until(() => alive.of(13).length === 1 && full.acknowledged.length === 1);
  });

  test('cuts a device that is silent beyond its keep-alive, and sends its will', async () => {
    await open();
    const will = { topic: 'in/status/fridge-2', payload: 'ok offline' };
    const silent = await RawMqtt.open(port, { id: 'silent', keepAlive: 1, will });
    const patient = await RawMqtt.open(port, { id: 'patient', keepAlive: 60 });
    await until(() => silent.closed);
    await until(() => intake.deliveries.length === 1);
    expect(patient.closed).toBe(false);
    expect(intake.deliveries[0]).toMatchObject({ kind: 'status', device: 'fridge-2' });
    expect(door.counters.keepAliveClosed).toBe(1);
  });
});
