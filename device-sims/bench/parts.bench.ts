/**
 * The parts of a sale's way, each alone in one thread: where the time of the whole goes. Microseconds a sale; the
 * whole cannot be faster than its slowest thread.
 */
import type { Delivery } from '../../edge/contracts/intake.ts';
import { type Packed, packDelivery } from '../../edge/crossing.ts';
import { deviceName, SalePackets } from '../load/sales.ts';
import type { BenchContext, Measurement } from './context.ts';
import { type Line, median, type Outcome } from './report.ts';
import { decoderAlone, writerAlone } from './writer-alone.fixture.ts';

const CONNECTIONS = 8;
const WINDOW = 20;
/** What a batch holds while one is being synced and the other gathers, at eight windows of twenty. */
const BATCH = (CONNECTIONS * WINDOW) / 2;

export const parts: Measurement = {
  name: 'parts',
  about: 'decoding, packing and journaling of a sale, each alone, in microseconds',
  run,
};

async function run(context: BenchContext): Promise<Outcome> {
  const rounds = context.quick ? 200 : 3_000;
  const json = decoderAlone();
  const writer = writerAlone(context, 'parts');
  const tills = Array.from({ length: CONNECTIONS }, (_, index) => new Till(index));
  const times: Record<'decode' | 'pack' | 'clone' | 'write', number[]> = { decode: [], pack: [], clone: [], write: [] };
  for (let round = 0; round < rounds; round += 1) {
    const payloads = tills.flatMap((till) => till.next(BATCH / CONNECTIONS));
    const begun = performance.now();
    const deliveries = payloads.map(({ device, payload }): Delivery => {
      const received = Date.now();
      const decoded = json.decode('sale', device, payload, received);
      if (!decoded.ok) throw new Error(`a sale was refused: ${decoded.reason}`);
      return { kind: 'sale', device, received, readings: decoded.readings };
    });
    const decoded = performance.now();
    const packed: Packed = [];
    for (const delivery of deliveries) packDelivery(packed, delivery);
    const packing = performance.now();
    const cloned = structuredClone(packed);
    const cloning = performance.now();
    const reply = writer.process({ deliveries: cloned, count: BATCH, refusals: [], requests: [], synced: true });
    const written = performance.now();
    if (reply.receipts.some((receipt) => receipt !== undefined)) throw new Error('a sale was not stored as new');
    times.decode.push(decoded - begun);
    times.pack.push(packing - decoded);
    times.clone.push(cloning - packing);
    times.write.push(written - cloning);
  }
  writer.close();
  const line = (what: string, values: readonly number[]): Line => ({
    what: `${what}, alone, a sale`,
    unit: 'us',
    measured: (median(values) * 1000) / BATCH,
  });
  return {
    name: parts.name,
    lines: [
      line('decode and validate', times.decode),
      line('pack for the writer', times.pack),
      line('clone to the writer', times.clone),
      line(`write in batches of ${BATCH}, sync included`, times.write),
    ],
    raw: { rounds, batch: BATCH, times },
    remarks: [],
  };
}

/** One till's packets, as payloads. */
class Till {
  private readonly packets: SalePackets;
  private readonly device: string;
  private number = 0;

  constructor(index: number) {
    this.packets = new SalePackets('parts', index, WINDOW);
    this.device = deviceName(index);
  }

  next(count: number): { device: string; payload: Buffer }[] {
    const time = Buffer.from(new Date().toISOString());
    return Array.from({ length: count }, (_, slot) => {
      this.packets.fill(slot, this.number, time);
      this.number += 1;
      const packet = this.packets.bytes.subarray(slot * this.packets.size, (slot + 1) * this.packets.size);
      // Fixed header of three bytes, the topic with its length, the packet id.
      const payload = Buffer.from(packet.subarray(3 + 2 + `in/sale/${this.device}`.length + 2));
      return { device: this.device, payload };
    });
  }
}
