/** How to get in at head office's brokers: certificates and password, read from the files that the config names. */
import { readFileSync } from 'node:fs';
import { type ConnectionOptions, createSecureContext } from 'node:tls';
import type { SASLOptions } from 'kafkajs';
import { HubError, messageOf } from '../../edge/contracts/errors.ts';
import { fileWords } from '../../edge/contracts/file-words.ts';

export interface CloudSecrets {
  readonly tls?:
    | { readonly ca?: string | undefined; readonly cert?: string | undefined; readonly key?: string | undefined }
    | undefined;
  readonly sasl?:
    | {
        readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
        readonly username: string;
        readonly password_file: string;
      }
    | undefined;
}

export interface KafkaAccess {
  readonly ssl?: ConnectionOptions;
  readonly sasl?: SASLOptions;
}

/** Reads the files anew, because certificates and passwords change while a daemon runs. Throws CONFIG_INVALID. */
export function kafkaAccess({ tls, sasl }: CloudSecrets): KafkaAccess {
  return { ...(tls ? { ssl: certificates(tls) } : {}), ...(sasl ? { sasl: login(sasl) } : {}) };
}

function certificates({ ca, cert, key }: NonNullable<CloudSecrets['tls']>): ConnectionOptions {
  const options = {
    ...(ca === undefined ? {} : { ca: read(ca, 'cloud.tls.ca') }),
    ...(cert === undefined ? {} : { cert: read(cert, 'cloud.tls.cert') }),
    ...(key === undefined ? {} : { key: read(key, 'cloud.tls.key') }),
  };
  // Node takes any text for an authority, and then trusts nobody.
  if (options.ca !== undefined && !options.ca.includes('-----BEGIN CERTIFICATE-----')) {
    throw new HubError('CONFIG_INVALID', `cloud.tls.ca: ${ca} holds no certificate in PEM form`);
  }
  try {
    createSecureContext(options);
  } catch (error) {
    const files = [ca, cert, key].filter((file) => file !== undefined).join(', ');
    throw new HubError(
      'CONFIG_INVALID',
      `cloud.tls: ${files} cannot be used (${messageOf(error)}): ca and cert must be certificates and key the private key of cert, without a passphrase, all in PEM form`,
      { cause: error },
    );
  }
  return options;
}

function login({ mechanism, username, password_file }: NonNullable<CloudSecrets['sasl']>): SASLOptions {
  const password = read(password_file, 'cloud.sasl.password_file').replace(/\r?\n$/, '');
  if (password === '') throw new HubError('CONFIG_INVALID', `cloud.sasl.password_file: ${password_file} is empty`);
  return { mechanism, username, password } as SASLOptions;
}

function read(file: string, key: string): string {
  if (file.startsWith('credential:')) {
    throw new HubError(
      'CONFIG_INVALID',
      `${key}: this process was given no systemd credentials: start it by its unit with LoadCredential=${file.slice('credential:'.length)}:FILE, or name a file`,
    );
  }
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new HubError('CONFIG_INVALID', `${key}: ${file}: ${fileWords(error)}`, { cause: error });
  }
}
