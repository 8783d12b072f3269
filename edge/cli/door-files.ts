/**
 * The files that the edge's doors need, judged where the configuration names them: the certificate and key of
 * `mqtt.tls`, the PIN of the staff page. The bridge has no right to read them, so this is no part of the loader.
 */
import { ConfigError, type ConfigFault } from '../../config/faults.ts';
import type { LoadedConfig } from '../../config/loader.ts';
import { expiryWarning, readTlsIdentity } from '../ops/certificates.ts';
import { readPin } from '../ops/secret-file.ts';

interface Judgement {
  readonly faults: readonly ConfigFault[];
  /** Files that this process has no right to read. */
  readonly forbidden: readonly ConfigFault[];
  /** What an operator should know though nothing is wrong. */
  readonly notices: readonly string[];
}

function judge({ config, faultAt }: LoadedConfig): Judgement {
  const { tls } = config.mqtt;
  const { pin_file } = config.http;
  const found: { fault: ConfigFault; forbidden: boolean }[] = [];
  const identity = tls && readTlsIdentity(tls);
  if (identity !== undefined && !('expires' in identity)) {
    for (const { at, fault, forbidden } of identity)
      found.push({ fault: faultAt(['mqtt', 'tls', at], fault), forbidden });
  }
  const pin = pin_file === undefined ? undefined : readPin(pin_file);
  if (pin !== undefined && 'fault' in pin) {
    found.push({ fault: faultAt(['http', 'pin_file'], pin.fault), forbidden: pin.forbidden });
  }
  const expiry = identity && 'expires' in identity && expiryWarning('mqtt.tls', identity.expires, Date.now());
  return {
    faults: found.filter(({ forbidden }) => !forbidden).map(({ fault }) => fault),
    forbidden: found.filter(({ forbidden }) => forbidden).map(({ fault }) => fault),
    notices: expiry ? [expiry] : [],
  };
}

/** For the edge itself, which has to read them. Throws ConfigError. */
export function requireDoorFiles(loaded: LoadedConfig): void {
  const { faults, forbidden } = judge(loaded);
  const all = [...faults, ...forbidden];
  if (all.length > 0) throw new ConfigError('CONFIG_INVALID', all);
}

/** For whoever checks the configuration, perhaps as another user. Throws ConfigError; returns notices. */
export function checkDoorFiles(loaded: LoadedConfig): readonly string[] {
  const { faults, forbidden, notices } = judge(loaded);
  if (faults.length > 0) throw new ConfigError('CONFIG_INVALID', faults);
  return [...notices, ...forbidden.map(({ key, message }) => `not checked: ${key}: ${message}`)];
}
