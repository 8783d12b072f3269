/**
 * What went wrong on the way to head office, in words for whoever operates the hub: what is the case, and what to do.
 * The client library throws chains of errors of its own and of sockets, TLS and brokers; here each becomes one fault
 * with a code that stays the same from attempt to attempt. All of these are tried again with a growing pause; what must
 * not be tried again is a Halt. No word contains a secret.
 */
import { HubError, messageOf } from '../../edge/contracts/errors.ts';
import { brokerFaults } from './broker-faults.ts';
import type { LinkFault, Surroundings } from './fault.ts';
import { LinkFailure, TopicsMissing } from './link-failure.ts';
import { BROKER_WANTS_MORE, socketFaults } from './socket-faults.ts';

interface KafkaError extends Error {
  /** Name of a broker's error code. */
  readonly type?: unknown;
  /** A socket's error code; a broker's number. */
  readonly code?: unknown;
  /** `host:port`. */
  readonly broker?: unknown;
  readonly host?: unknown;
  readonly port?: unknown;
}

function chainOf(error: unknown): KafkaError[] {
  const chain: KafkaError[] = [];
  for (let one = error; one instanceof Error && !chain.includes(one); one = one.cause) chain.push(one);
  return chain;
}

function addressIn(chain: readonly KafkaError[]): string | undefined {
  for (const { broker, host, port } of chain) {
    if (typeof broker === 'string') return broker;
    if (typeof host === 'string') return `${host}:${port}`;
  }
  return undefined;
}

/** What an error means, on one line. Anything that is not known is told as it was thrown. */
export function linkFault(error: unknown, around: Surroundings): LinkFault {
  const { code, words } = meaningOf(error, around);
  return { code, words: onOneLine(words) };
}

/** OpenSSL writes an address, numbers and its own source file around its reason, and ends the line. */
const OPENSSL = /[0-9A-F]{8,}:error:[0-9A-F]+:[^:]*:[^:]*:([^:]+):[^:\s]+:\d+:\s*/g;

function onOneLine(words: string): string {
  return words
    .replace(OPENSSL, 'TLS: $1 ')
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
}

function meaningOf(error: unknown, around: Surroundings): LinkFault {
  const chain = chainOf(error);
  const own = chain.find((one) => one instanceof HubError || one instanceof TopicsMissing);
  if (own) return { code: own instanceof HubError ? 'configuration' : 'topics', words: own.message };
  const failure = chain.find((one) => one instanceof LinkFailure);
  const symptom = {
    where: addressIn(chain) ?? around.brokers.join(', '),
    topic: failure?.topic ?? 'its topics',
    failure,
    around,
  };
  for (const one of chain) {
    const type = one.name === 'KafkaJSSASLAuthenticationError' ? 'SASL_AUTHENTICATION_FAILED' : one.type;
    const fault = typeof type === 'string' ? brokerFaults[type]?.({ ...symptom, error: one }) : undefined;
    if (fault) return fault;
  }
  for (const one of [...chain].reverse()) {
    const keys = [one.code, one.name, closedEarly(one, failure, around)];
    for (const key of keys) {
      const fault = typeof key === 'string' ? socketFaults[key]?.({ ...symptom, error: one }) : undefined;
      if (fault) return fault;
    }
  }
  return { code: 'unknown', words: messageOf(chain.at(-1) ?? error) };
}

/** A connection that ends in its first words has another reason than one that ends in the middle of the work. */
function closedEarly(error: Error, failure: LinkFailure | undefined, around: Surroundings): string | undefined {
  if (error.name !== 'KafkaJSConnectionClosedError') return undefined;
  if (failure?.during !== 'connecting') return 'CLOSED';
  return around.login || around.certificate ? 'CLOSED_EARLY' : BROKER_WANTS_MORE;
}
