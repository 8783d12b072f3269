import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type OpenDoor, openDoor } from './door.fixture.ts';
import { publishPacket, pubrelPacket, RawMqtt, until } from './raw-mqtt.ts';

let open: OpenDoor;

beforeEach(async () => {
  open = await openDoor();
  open.intake.automatic = false;
});

afterEach(async () => {
  open.intake.answer();
  await open.door.stop(100);
});

/** A device may be silent for one and a half of it; the journal stalls for as long as four. */
const KEEP_ALIVE = 1;
const STALL_MS = 4000;

describe('a device, while the journal stalls for longer than its keep-alive', () => {
  test('is not closed when it waits silently for its acknowledgement, and has its time again after it', async () => {
    const waiting = await RawMqtt.open(open.port, { id: 'waiting', keepAlive: KEEP_ALIVE });
    const exact = await RawMqtt.open(open.port, { id: 'exact', keepAlive: KEEP_ALIVE, clean: false });
    waiting.send(publishPacket('in/sale/t', 'ok', 1, 1));
    exact.send(publishPacket('in/sale/t', 'ok', 2, 1));
    await delay(STALL_MS);
    expect([waiting.closed, exact.closed]).toEqual([false, false]);
    open.intake.answer();
    await until(() => waiting.acknowledged.length === 1 && exact.ids(5).length === 1);
    // It speaks again within its keep-alive, as it must.
    await delay(KEEP_ALIVE * 800);
    exact.send(pubrelPacket(1));
    await waiting.ping();
    await until(() => exact.ids(7).length === 1);
    expect(open.door.counters.keepAliveClosed).toBe(0);
    await until(() => waiting.closed && exact.closed);
    expect(open.door.counters.keepAliveClosed).toBe(2);
  });

  test('is answered when it pings, and not closed while others hold up the reading of everybody', async () => {
    const pinging = await RawMqtt.open(open.port, { id: 'pinging', keepAlive: KEEP_ALIVE });
    const flooding = await Promise.all(
      Array.from({ length: 20 }, (_, i) => RawMqtt.open(open.port, { id: `flooding-${i}` })),
    );
    pinging.send(publishPacket('in/sale/t', 'ok', 1, 1));
    await pinging.ping();
    const large = `ok ${'x'.repeat(500_000)}`;
    for (const raw of flooding) for (let i = 1; i <= 4; i += 1) raw.send(publishPacket('in/sale/t', large, 1, i));
    await until(() => open.door.held);
    const end = performance.now() + STALL_MS;
    while (performance.now() < end) {
      pinging.send(Buffer.from([0xc0, 0]));
      await delay(300);
    }
    expect(pinging.closed).toBe(false);
    open.intake.automatic = true;
    open.intake.answer();
    await pinging.ping();
    await until(() => [pinging, ...flooding].every((raw) => raw.acknowledged.length === (raw === pinging ? 1 : 4)));
    expect(open.door.counters.keepAliveClosed).toBe(0);
  });
});
