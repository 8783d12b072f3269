/** A device of a vendor's format for tests: its decoder, fed with JSON or text, and what it says judged by the hub's schemas. */
import type { DeviceConfig } from '../contracts/devices.ts';
import type { Decoder, Format, Frame, NotUnderstood, Said, Understood } from '../contracts/formats.ts';
import { readingSchemas } from '../contracts/readings.ts';

export const RECEIVED = Date.parse('2026-11-20T09:15:00Z');

type Entry = Partial<Omit<DeviceConfig, 'calibration'>> & {
  readonly calibration?: Partial<DeviceConfig['calibration']>;
};

/** Opens an entry of `devices`, defaults filled as the configuration fills them. */
export function opened(format: Format, entry: Entry): Decoder {
  const calibration = { celsius: 0, weight: 1, ...entry.calibration };
  return format.open({ name: 'dev', codec: format.name, ...entry, calibration });
}

export function frameOf(payload: unknown, more: Partial<Frame> = {}): Frame {
  const bytes = Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload));
  return { bytes, received: RECEIVED, ...more };
}

export async function decoded(decoder: Decoder, payload: unknown, more?: Partial<Frame>) {
  return await decoder.decode(frameOf(payload, more));
}

/** What the frame says; every reading fits the schema of its kind. Throws where it is refused. */
export async function saidBy(decoder: Decoder, payload: unknown, more?: Partial<Frame>): Promise<readonly Said[]> {
  const answer: Understood | NotUnderstood = await decoded(decoder, payload, more);
  if (!answer.ok) throw new Error(`refused: ${answer.reason}`);
  for (const { kind, reading } of answer.said) readingSchemas[kind].parse(reading);
  return answer.said;
}

/** The readings alone. */
export async function readingsBy(decoder: Decoder, payload: unknown, more?: Partial<Frame>) {
  return (await saidBy(decoder, payload, more)).map(({ reading }) => reading);
}
