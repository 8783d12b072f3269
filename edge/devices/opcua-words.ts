/** What went wrong on the way to an OPC UA server, in a sentence for an installer. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { OpcuaSource } from '../contracts/devices.ts';
import { messageOf } from '../contracts/errors.ts';

/** `own`: the certificate by which the hub shows who it is. */
export function connectionWords(error: unknown, source: OpcuaSource, pki: string): string {
  const text = messageOf(error);
  const { endpoint, security, username } = source;
  if (/server certificate verification failed/i.test(text)) return certificateWords(text, pki);
  if (/ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|ECONNRESET|ENOTFOUND|EAI_AGAIN/.test(text))
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
function certificateWords(text: string, pki: string): string {
  if (!text.includes('BadCertificateUntrusted')) return `the server's certificate is not valid: ${text}`;
  const rejected = newestIn(join(pki, 'rejected'));
  const trusted = join(pki, 'trusted', 'certs');
  if (rejected === undefined) return `the server's certificate is not trusted: put it into ${trusted}`;
  const print = /\[([0-9a-f]{40})\]/.exec(rejected)?.[1];
  const compare = print === undefined ? '' : `compare its SHA-1 thumbprint ${print} with the server's, and `;
  return `the server's certificate is not trusted yet: ${compare}move ${rejected} into ${trusted}`;
}

function newestIn(folder: string): string | undefined {
  try {
    const files = readdirSync(folder).map((name) => join(folder, name));
    const times = new Map(files.map((file) => [file, statSync(file).mtimeMs]));
    return files.sort((a, b) => (times.get(b) ?? 0) - (times.get(a) ?? 0))[0];
  } catch {
    return undefined;
  }
}
