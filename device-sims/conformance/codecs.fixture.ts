/** The codecs under test, and the devices of the cases as a configuration has them. */
import { deviceSchema } from '../../config/devices.ts';
import { formatOf } from '../../edge/codecs/all-formats.fixture.ts';
import { mappingFormat } from '../../edge/codecs/mapping.ts';
import { CODECS, type CodecName, type DeviceConfig } from '../../edge/contracts/devices.ts';
import type { Format } from '../../edge/contracts/formats.ts';
import type { ConformanceCase } from './cases.ts';

/** The hub's own JSON is a codec of another kind: hub-json.test.ts. */
export const VENDORS = CODECS.filter((codec) => codec !== 'hub');

/** Its program is a file of its own, and so there only when it is built. */
const mapping = mappingFormat({
  program: new URL('../../dist/edge/codecs/mapping-process.js', import.meta.url),
});

export function formatFor(codec: CodecName): Format {
  const format = codec === 'mapping' ? mapping : formatOf(codec);
  if (format === undefined) throw new Error(`no codec ${codec}`);
  return format;
}

/** Checked, with its defaults. */
export function deviceOf({ device, timezone }: Pick<ConformanceCase, 'device' | 'timezone'>): DeviceConfig {
  return { ...deviceSchema.parse(device), ...(timezone !== undefined && { timezone }) };
}
