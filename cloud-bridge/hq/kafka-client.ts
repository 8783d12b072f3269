/**
 * How head office's Kafka is reached by everything that is not the sending itself: topic set-up, verification, resume.
 * Options come from the `cloud` section of the configuration; kafkajs keeps quiet, its errors become HubErrors.
 */
import { readFileSync } from 'node:fs';
import kafkajs, { type Admin, type Kafka, type SASLOptions } from 'kafkajs';
import { HubError, messageOf } from '../../edge/contracts/errors.ts';

/** The part of the `cloud` configuration that says how to reach it. File names are absolute. */
export interface CloudAccess {
  readonly brokers: readonly string[];
  readonly tls?:
    | { readonly ca?: string | undefined; readonly cert?: string | undefined; readonly key?: string | undefined }
    | undefined;
  readonly sasl?: { readonly mechanism: string; readonly username: string; readonly password_file: string } | undefined;
}

/** A command line answers, even when nobody does at the other end. Milliseconds. */
const CONNECT_DEADLINE = 10_000;

function secret(file: string, what: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new HubError('CONFIG_INVALID', `${what}: ${messageOf(error)}`, { cause: error });
  }
}

function saslOf(sasl: NonNullable<CloudAccess['sasl']>): SASLOptions {
  const { username } = sasl;
  const password = secret(sasl.password_file, 'cloud.sasl.password_file').toString('utf8').trim();
  const mechanism = sasl.mechanism.toLowerCase();
  if (mechanism === 'plain' || mechanism === 'scram-sha-256' || mechanism === 'scram-sha-512') {
    return { mechanism, username, password } as SASLOptions;
  }
  throw new HubError(
    'CONFIG_INVALID',
    `cloud.sasl.mechanism: ${sasl.mechanism} is not one of plain, scram-sha-256, scram-sha-512`,
  );
}

function tlsOf(tls: NonNullable<CloudAccess['tls']>) {
  return {
    ...(tls.ca === undefined ? {} : { ca: secret(tls.ca, 'cloud.tls.ca') }),
    ...(tls.cert === undefined ? {} : { cert: secret(tls.cert, 'cloud.tls.cert') }),
    ...(tls.key === undefined ? {} : { key: secret(tls.key, 'cloud.tls.key') }),
  };
}

/** A kafkajs client for short work: few retries, no output of its own. */
export function kafkaOf(cloud: CloudAccess): Kafka {
  return new kafkajs.Kafka({
    clientId: 'store-hub-hq',
    brokers: [...cloud.brokers],
    ...(cloud.tls === undefined ? {} : { ssl: tlsOf(cloud.tls) }),
    ...(cloud.sasl === undefined ? {} : { sasl: saslOf(cloud.sasl) }),
    connectionTimeout: 3_000,
    authenticationTimeout: 5_000,
    requestTimeout: 15_000,
    retry: { retries: 2, initialRetryTime: 200, maxRetryTime: 1_000 },
    logLevel: kafkajs.logLevel.NOTHING,
  });
}

/** Whatever Kafka threw, in words an operator can act on. */
export function cloudError(cloud: CloudAccess, error: unknown): HubError {
  if (error instanceof HubError) return error;
  const where = cloud.brokers.join(', ');
  const name = error instanceof Error ? error.name : '';
  const text =
    name === 'KafkaJSSASLAuthenticationError'
      ? `head office's Kafka (${where}) refuses the login of "${cloud.sasl?.username ?? ''}"`
      : `head office's Kafka (${where}) does not answer as it should: ${messageOf(error)}`;
  return new HubError('CLOUD_UNREACHABLE', text, { cause: error });
}

/** Resolves like `work`, but throws CLOUD_UNREACHABLE when that takes longer than a person waits. */
export async function connectInTime<T>(cloud: CloudAccess, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const where = cloud.brokers.join(', ');
      reject(new HubError('CLOUD_UNREACHABLE', `head office's Kafka (${where}) did not answer within 10 s`));
    }, CONNECT_DEADLINE);
  });
  try {
    return await Promise.race([work, late]);
  } catch (error) {
    throw cloudError(cloud, error);
  } finally {
    clearTimeout(timer);
  }
}

/** Runs `work` with a connected admin client and closes it after; throws HubError CLOUD_UNREACHABLE. */
export async function withAdmin<T>(cloud: CloudAccess, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = kafkaOf(cloud).admin();
  try {
    await connectInTime(cloud, admin.connect());
    return await work(admin);
  } catch (error) {
    throw cloudError(cloud, error);
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}
