/** Every format of a vendor that the hub reads, one line each. */
import type { CodecName } from '../contracts/devices.ts';
import type { Format } from '../contracts/formats.ts';

const FORMATS: readonly Format[] = [];

export function formatOf(name: CodecName): Format | undefined {
  return FORMATS.find((format) => format.name === name);
}
