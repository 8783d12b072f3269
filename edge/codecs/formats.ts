/** Every format of a vendor that the hub reads, one line each. */
import type { CodecName } from '../contracts/devices.ts';
import type { Format } from '../contracts/formats.ts';

import { impinj } from './impinj.ts';
import { m100 } from './m100.ts';
import { mtSics } from './mt-sics.ts';
import { scaleStream } from './scale-stream.ts';
import { thingmagic } from './thingmagic.ts';
import { toledo8217 } from './toledo-8217.ts';
import { zebra } from './zebra.ts';

const FORMATS: readonly Format[] = [impinj, m100, mtSics, scaleStream, thingmagic, toledo8217, zebra];

export function formatOf(name: CodecName): Format | undefined {
  return FORMATS.find((format) => format.name === name);
}
