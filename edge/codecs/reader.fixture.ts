/** A configured RFID reader and what its codec makes of a frame, for tests. */
import type { CodecName, DeviceConfig } from '../contracts/devices.ts';
import type { NotUnderstood, Understood } from '../contracts/formats.ts';
import { readingSchemas } from '../contracts/readings.ts';
import { formatOf } from './all-formats.fixture.ts';

const RECEIVED = Date.UTC(2026, 2, 1, 10);

export function reader(codec: CodecName, more: Partial<DeviceConfig> = {}): DeviceConfig {
  return { name: 'reader-1', codec, push: true, calibration: { celsius: 0, weight: 1 }, ...more };
}

/** Decodes frames of one device, given as text, bytes or what becomes JSON. */
export function decoderOf(device: DeviceConfig): (frame: unknown) => Understood | NotUnderstood {
  const decoder = formatOf(device.codec)?.open(device);
  if (decoder === undefined) throw new Error(`no codec ${device.codec}`);
  return (frame) => {
    const bytes =
      frame instanceof Uint8Array ? frame : Buffer.from(typeof frame === 'string' ? frame : JSON.stringify(frame));
    const told = decoder.decode({ bytes, received: RECEIVED });
    if ('then' in told) throw new Error('this codec answers at once');
    return told;
  };
}

/** What a frame says, proven against the schemas of the readings. */
export function readingsOf(told: Understood | NotUnderstood): readonly unknown[] {
  if (!told.ok) throw new Error(told.reason);
  for (const { kind, reading } of told.said) readingSchemas[kind].parse(reading);
  return told.said.map(({ kind, reading }) => ({ kind, ...reading }));
}
