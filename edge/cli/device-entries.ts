/** Entries of `devices` that the schema lets pass and their codec does not: judged as the edge judges them at its start. */
import { ConfigError, type ConfigFault } from '../../config/faults.ts';
import type { LoadedConfig } from '../../config/loader.ts';
import type { DeviceConfig } from '../contracts/devices.ts';
import { HubError } from '../contracts/errors.ts';

/** `mapping: currency is missing`, `places.Line 0: ...` */
const KEY = /^(model|zone|shelf|line|unit|till|antennas|places|calibration|mapping|codes)(?:\.(.+?))?: (.*)$/s;

/** Throws ConfigError. What a codec says against an entry is said at the key that it names, else at the codec. */
export async function checkDeviceEntries({ config, faultAt }: LoadedConfig): Promise<void> {
  if (config.devices.every(({ codec }) => codec === 'hub')) return;
  // Only here: formats bring libraries with them.
  const { formatsOf } = await import('../codecs/formats.ts');
  const formatOf = await formatsOf(config.devices.map(({ codec }) => codec));
  const faults: ConfigFault[] = [];
  for (const [index, entry] of config.devices.entries()) {
    const { codec } = entry;
    const device: DeviceConfig = { ...entry, timezone: config.timezone };
    const format = formatOf(codec);
    if (format === undefined) continue;
    try {
      format.open(device).close?.();
    } catch (error) {
      if (!(error instanceof HubError)) throw error;
      const [, key = 'codec', part, said = error.message] = KEY.exec(error.message) ?? [];
      faults.push(faultAt(['devices', index, key, ...(part === undefined ? [] : [part])], said));
    }
  }
  if (faults.length > 0) throw new ConfigError('CONFIG_INVALID', faults);
}
