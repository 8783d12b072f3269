/**
 * How head office's Kafka is reached by everything that is not the sending itself: topic set-up, verification, resume.
 * Options come from the `cloud` section of the configuration; kafkajs keeps quiet, its errors become HubErrors.
 */
import kafkajs, { type Admin, type Kafka } from 'kafkajs';
import { HubError } from '../../edge/contracts/errors.ts';
import { type CloudSecrets, kafkaAccess } from '../up/kafka-access.ts';
import { linkFault } from '../up/link-fault.ts';
import { Sockets } from '../up/sockets.ts';

/** The part of the `cloud` configuration that says how to reach it. File names are absolute. */
export interface CloudAccess extends CloudSecrets {
  readonly brokers: readonly string[];
}

/** A command line answers, even when nobody does at the other end. Milliseconds. */
const CONNECT_DEADLINE = 10_000;
/** How long an answer may take to begin. Milliseconds. */
const STALL = 15_000;

/** A kafkajs client for short work: few retries, no output of its own. */
export function kafkaOf(cloud: CloudAccess): Kafka {
  const sockets = new Sockets(STALL);
  return new kafkajs.Kafka({
    clientId: 'store-hub-hq',
    brokers: [...cloud.brokers],
    ...kafkaAccess(cloud),
    connectionTimeout: 3_000,
    authenticationTimeout: 5_000,
    requestTimeout: 15_000,
    retry: { retries: 2, initialRetryTime: 200, maxRetryTime: 1_000 },
    socketFactory: (request) => sockets.open(request),
    logLevel: kafkajs.logLevel.NOTHING,
  });
}

/** Whatever Kafka threw, in words an operator can act on. */
export function cloudError(cloud: CloudAccess, error: unknown): HubError {
  if (error instanceof HubError) return error;
  const { brokers, tls, sasl } = cloud;
  const login = sasl && { username: sasl.username, mechanism: sasl.mechanism };
  const around = { hub: '', brokers, tls: tls !== undefined, certificate: tls?.cert !== undefined, login };
  return new HubError('CLOUD_UNREACHABLE', linkFault(error, around).words, { cause: error });
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
