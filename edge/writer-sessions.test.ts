import { describe, expect, it } from 'vitest';
import type { Refusal } from './contracts/intake.ts';
import { batchOf, Clocks, openWriter, shelfCount, temporaryFolder } from './writer.fixture.ts';

describe('a QoS 2 publish', () => {
  const handshake = { client: 'scale', packet: 7 };

  it('is noted with its facts, over a restart, until it is released', () => {
    const folder = temporaryFolder();
    const clocks = new Clocks();
    const first = openWriter(folder, clocks);
    const refusal: Refusal = {
      kind: 'sale',
      device: 'till-1',
      received: clocks.wallMs,
      reason: 'not JSON',
      pointers: [],
      bytes: Buffer.from('{'),
      handshake: { client: 'scale', packet: 8 },
    };
    first.process(batchOf([{ ...shelfCount(clocks, 9), handshake }, shelfCount(clocks, 8), refusal]));
    first.close();
    clocks.pass(5000);
    const second = openWriter(folder, clocks);
    expect(second.leftovers().sessions.handshakes).toEqual([
      { client: 'scale', packet: 7, age: 5000 },
      { client: 'scale', packet: 8, age: 5000 },
    ]);
    const { answers } = second.process(batchOf([], [{ op: 'sessions', changes: [{ is: 'released', ...handshake }] }]));
    expect(answers).toEqual([{ ok: true, value: undefined }]);
    expect(second.leftovers().sessions.handshakes).toMatchObject([{ packet: 8 }]);
    second.process(batchOf([], [{ op: 'sessions', changes: [{ is: 'handshakes-forgotten', client: 'scale' }] }]));
    second.close();
    const third = openWriter(folder, clocks);
    expect(third.leftovers().sessions.handshakes).toEqual([]);
    third.close();
  });

  it('that is not stored is not noted', () => {
    const clocks = new Clocks();
    const writer = openWriter(temporaryFolder(), clocks, { diskBudget: 1 });
    writer.tick(true); // it finds that nothing may go
    const { receipts } = writer.process(batchOf([{ ...shelfCount(clocks, 9), handshake }]));
    expect(receipts).toMatchObject([{ outcome: 'not-stored' }]);
    expect(writer.leftovers().sessions.handshakes).toEqual([]);
    writer.close();
  });
});
