import { describe, expect, test } from 'vitest';
import { LargePackets } from './large-packets.ts';
import { PacketScanner } from './packet-scanner.ts';
import { connectPacket, publishPacket, subscribePacket } from './raw-mqtt.ts';

const limits = { first: 100, publish: 1000, other: 200 };
const stream = Buffer.concat([
  connectPacket(),
  publishPacket('in/sale/t', 'x'.repeat(900), 1),
  subscribePacket([['out/#', 1]]),
  Buffer.from([0xc0, 0]),
  publishPacket('in/sale/t', 'y', 0),
]);

describe('the scanner of packets', () => {
  test('finds the same packets however the bytes are cut', () => {
    for (let size = 1; size < 60; size += 1) {
      const scanner = new PacketScanner(limits);
      for (let at = 0; at < stream.length; at += size) {
        expect(scanner.scan(stream.subarray(at, at + size))).toBeUndefined();
      }
      expect(scanner).toMatchObject({ begun: 5, midPacket: false });
    }
  });

  test('knows when it stands within a packet', () => {
    const scanner = new PacketScanner(limits);
    scanner.scan(stream.subarray(0, 1));
    expect(scanner.midPacket).toBe(true);
    scanner.scan(stream.subarray(1, 5));
    expect(scanner).toMatchObject({ midPacket: true, begun: 1 });
  });

  test('judges the first packet, a publish and any other by their own limits', () => {
    const long = publishPacket('t', 'x'.repeat(150), 0);
    expect(new PacketScanner(limits).scan(long)).toContain('at most 100');
    const scanner = new PacketScanner(limits);
    expect(scanner.scan(Buffer.concat([connectPacket(), long]))).toBeUndefined();
    expect(scanner.scan(subscribePacket([['x'.repeat(300), 0]]))).toContain('at most 200');
    expect(new PacketScanner(limits).scan(Buffer.from([0x10, 0x80, 0x80, 0x80, 0x80]))).toContain('four bytes');
  });
});

describe('room for large packets', () => {
  test('goes to who asked first, and one packet always has it', () => {
    const room = new LargePackets(100);
    const [a, b, c, d] = [{}, {}, {}, {}];
    const granted: string[] = [];
    expect(room.request(a, 500, () => undefined)).toBe(true);
    expect(room.request(b, 80, () => granted.push('b'))).toBe(false);
    expect(room.request(c, 10, () => granted.push('c'))).toBe(false);
    expect(room.request(d, 50, () => granted.push('d'))).toBe(false);
    room.release(c);
    room.release(a);
    expect(granted).toEqual(['b']);
    room.release(b);
    room.release(b);
    expect(granted).toEqual(['b', 'd']);
    expect(room.request(c, 50, () => undefined)).toBe(true);
  });
});
