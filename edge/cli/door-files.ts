/**
 * The files that the configuration names, judged at their place in it. The edge needs the certificate and key of
 * `mqtt.tls` and the PIN of the staff page; the bridge the certificates and the password of `cloud`. Neither has the
 * right to read the other's, so this is no part of the loader.
 */
import { ConfigError, type ConfigFault } from '../../config/faults.ts';
import type { LoadedConfig } from '../../config/loader.ts';
import { expiryWarning, readTlsIdentity } from '../ops/certificates.ts';
import { readPin, readSecretFile } from '../ops/secret-file.ts';

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

/** What the edge will miss of `brokers`: it reads them at each attempt, so none ends its start. */
function judgeBrokers({ config, faultAt }: LoadedConfig): Pick<Judgement, 'faults' | 'notices'> {
  const faults: ConfigFault[] = [];
  const notices: string[] = [];
  for (const [index, broker] of config.brokers.entries()) {
    for (const key of ['password_file', 'ca'] as const) {
      const file = broker[key];
      const text = file === undefined ? '' : readSecretFile(file);
      if (typeof text === 'string') continue;
      const fault = faultAt(['brokers', index, key], text.fault);
      if (text.forbidden) notices.push(`not checked: ${fault.key}: ${fault.message}; the edge must be able to read it`);
      else faults.push(fault);
    }
  }
  return { faults, notices };
}

/** What the bridge will miss of `cloud`; what it reads is not judged here, it may change until then. */
function judgeCloud({ config, faultAt }: LoadedConfig): Pick<Judgement, 'faults' | 'notices'> {
  const { tls, sasl } = config.cloud ?? {};
  const files = [
    [['cloud', 'tls', 'ca'], tls?.ca],
    [['cloud', 'tls', 'cert'], tls?.cert],
    [['cloud', 'tls', 'key'], tls?.key],
    [['cloud', 'sasl', 'password_file'], sasl?.password_file],
  ] as const;
  const faults: ConfigFault[] = [];
  const notices: string[] = [];
  for (const [path, file] of files) {
    const text = file === undefined ? '' : readSecretFile(file);
    if (typeof text === 'string') continue;
    const fault = faultAt(path, text.fault);
    if (text.forbidden) notices.push(`not checked: ${fault.key}: ${fault.message}; the bridge must be able to read it`);
    else faults.push(fault);
  }
  return { faults, notices };
}

/** For the edge itself, which has to read them. Throws ConfigError. */
export function requireDoorFiles(loaded: LoadedConfig): void {
  const { faults, forbidden } = judge(loaded);
  const all = [...faults, ...forbidden];
  if (all.length > 0) throw new ConfigError('CONFIG_INVALID', all);
}

/** For the edge and the bridge at their start: files of `cloud` are read again at each attempt, so none is a failure. */
export function missingCloudFiles(loaded: LoadedConfig): readonly string[] {
  return judgeCloud(loaded).faults.map(({ key, message }) => `the bridge cannot read ${key}: ${message}`);
}

/** For whoever checks the configuration, perhaps as another user. Throws ConfigError; returns notices. */
export function checkDoorFiles(loaded: LoadedConfig): readonly string[] {
  const { faults: own, forbidden, notices } = judge(loaded);
  const cloud = judgeCloud(loaded);
  const brokers = judgeBrokers(loaded);
  const faults = [...own, ...cloud.faults, ...brokers.faults].sort((a, b) => a.line - b.line || a.column - b.column);
  if (faults.length > 0) throw new ConfigError('CONFIG_INVALID', faults);
  const later = [...cloud.notices, ...brokers.notices];
  return [...notices, ...later, ...forbidden.map(({ key, message }) => `not checked: ${key}: ${message}`)];
}
