import { describe, expect, test } from 'vitest';
import { toGtin14 } from '../../edge/contracts/gtin.ts';
import { Latencies } from './latencies.ts';
import { PACKET, PacketCutter, publishPacket, publishParts, type RawPacket } from './mqtt-bytes.ts';
import { productGtin } from './sales.ts';

describe('MQTT bytes', () => {
  test('packets survive being cut at every byte', () => {
    const long = publishPacket('in/sale/till-1', 7, Buffer.alloc(300, 'x'));
    const short = publishPacket('a', 8, Buffer.from('y'));
    const stream = Buffer.concat([long, short, long]);
    for (let cut = 1; cut < stream.length; cut += 1) {
      const cutter = new PacketCutter();
      const packets: RawPacket[] = [];
      const keep = (packet: RawPacket) => packets.push({ ...packet, body: Buffer.from(packet.body) });
      cutter.push(stream.subarray(0, cut), keep);
      cutter.push(stream.subarray(cut), keep);
      expect(packets.map((packet) => packet.type)).toEqual([PACKET.publish, PACKET.publish, PACKET.publish]);
      expect(packets.map((packet) => publishParts(packet).packetId)).toEqual([7, 8, 7]);
      expect(packets.map((packet) => publishParts(packet).payload.length)).toEqual([300, 1, 300]);
    }
  });
});

test('products have GTINs with a right check digit', () => {
  for (let n = 0; n < 1_000; n += 7) expect(toGtin14(productGtin(n))).toBe(productGtin(n));
});

test('percentiles are within two percent of the truth', () => {
  const latencies = new Latencies();
  for (let us = 1; us <= 100_000; us += 1) latencies.add(us);
  for (const share of [0.01, 0.5, 0.9, 0.99, 0.999]) {
    expect(Math.abs(latencies.percentile(share) / (share * 100) - 1)).toBeLessThan(0.02);
  }
  expect(latencies.summary().max).toBe(100);
});
