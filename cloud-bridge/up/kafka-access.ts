/** How to get in at head office's brokers: certificates and password, read from the files that the config names. */
import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import type { SASLOptions } from 'kafkajs';
import { HubError, messageOf } from '../../edge/contracts/errors.ts';

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
  return {
    ...(tls
      ? {
          ssl: {
            ...(tls.ca === undefined ? {} : { ca: read(tls.ca, 'cloud.tls.ca') }),
            ...(tls.cert === undefined ? {} : { cert: read(tls.cert, 'cloud.tls.cert') }),
            ...(tls.key === undefined ? {} : { key: read(tls.key, 'cloud.tls.key') }),
          },
        }
      : {}),
    ...(sasl
      ? {
          sasl: {
            mechanism: sasl.mechanism,
            username: sasl.username,
            password: read(sasl.password_file, 'cloud.sasl.password_file').replace(/\r?\n$/, ''),
          } as SASLOptions,
        }
      : {}),
  };
}

function read(file: string, key: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new HubError('CONFIG_INVALID', `${key}: ${messageOf(error)}`, { cause: error });
  }
}
