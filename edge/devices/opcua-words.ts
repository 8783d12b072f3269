/** What went wrong on the way to an OPC UA server, in a sentence for an installer. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { OpcuaSource } from '../contracts/devices.ts';
import { messageOf } from '../contracts/errors.ts';

/** `pki`: the folder of certificates; `shown`: SHA-1 of the certificate that the server showed. */
export function connectionWords(error: unknown, source: OpcuaSource, pki: string, shown?: string): string {
  const text = messageOf(error);
  const { endpoint, security, username } = source;
  if (/server certificate verification failed/i.test(text)) return certificateWords(text, pki, shown);
  if (/ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|ECONNRESET|ENOTFOUND|EAI_AGAIN|in findEndpoint/.test(text))
    return `no OPC UA server answers at ${endpoint}: is it on, and are address and port right?`;
  if (/BadIdentityToken|BadUserAccessDenied|Cannot find .*user|UserTokenPolicy/i.test(text))
    return username === undefined
      ? 'the server takes nobody without a name: set `opcua.username` and `opcua.password_file`'
      : `the server refuses ${username}: check \`opcua.username\` and \`opcua.password_file\``;
  if (
    security !== 'none' &&
    /BadSecurityChecksFailed|BadCertificate|disconnected|connection.*(closed|break)/i.test(text)
  )
    return `the server ended the secure connection: it may not trust this hub yet; make it trust ${ownCertificate(pki)} (${text})`;
  if (/endpoint/i.test(text)) return `the server does not offer \`security: ${security}\` (${text})`;
  return text;
}

export function ownCertificate(pki: string): string {
  return join(pki, 'own', 'certs', 'client_certificate.pem');
}

/** The library has put a certificate that nobody judged yet into `rejected`. */
function certificateWords(text: string, pki: string, shown: string | undefined): string {
  if (!text.includes('BadCertificateUntrusted')) return `the server's certificate is not valid: ${text}`;
  const trusted = join(pki, 'trusted', 'certs');
  const rejected = shown === undefined ? undefined : fileOf(shown, join(pki, 'rejected'));
  if (rejected === undefined) return `the server's certificate is not trusted: put it into ${trusted}`;
  return `the server's certificate is not trusted yet: compare its SHA-1 thumbprint ${shown} with the server's, and move ${rejected} into ${trusted}`;
}

function fileOf(thumbprint: string, folder: string): string | undefined {
  try {
    const name = readdirSync(folder).find((file) => file.includes(thumbprint));
    return name === undefined ? undefined : join(folder, name);
  } catch {
    return undefined;
  }
}
