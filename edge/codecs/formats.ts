/** Every format of a vendor that the hub reads, one line each. */
import type { CodecName } from '../contracts/devices.ts';
import type { Format } from '../contracts/formats.ts';
import { impinj } from './impinj.ts';
import { zebra } from './zebra.ts';

const FORMATS: readonly Format[] = [impinj, zebra];

export function formatOf(name: CodecName): Format | undefined {
  return FORMATS.find((format) => format.name === name);
}
