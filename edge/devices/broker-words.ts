/** What an outside broker or the way to it said, in a sentence for an installer. */
import { messageOf } from '../contracts/errors.ts';

/** Return codes of CONNACK (MQTT 3.1.1, table 3.1). */
const REFUSED: Readonly<Record<number, string>> = {
  1: 'it does not speak MQTT 3.1.1',
  2: 'it refuses the client id: another client may use it, or it takes short ones only',
  3: 'it is not available now',
  4: 'it refuses the user name and password: correct `username` or the file of `password_file`',
  5: 'it refuses this hub: it may need a user name and password (`username`, `password_file`)',
};

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there',
  ENOTFOUND: 'no such host is known',
  EAI_AGAIN: 'no such host is known',
  EHOSTUNREACH: 'that host cannot be reached',
  ENETUNREACH: 'that host cannot be reached',
  ETIMEDOUT: 'it does not answer',
  ECONNRESET: 'it broke off the connection',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is not trusted: name its authority in `ca`',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is not trusted: name it in `ca`',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is not trusted: name its authority in `ca`',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is not trusted: name its authority in `ca`',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host name',
};

export function brokerWords(error: unknown): string {
  const { code } = error as { code?: unknown };
  if (typeof code === 'number' && REFUSED[code] !== undefined) return REFUSED[code];
  if (typeof code === 'string' && WORDS[code] !== undefined) return WORDS[code];
  const message = messageOf(error);
  return /connack timeout/i.test(message) ? 'it does not answer' : message || String(code ?? error);
}
