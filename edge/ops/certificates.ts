/** The certificate and key of an encrypted door: read, judged, and watched for a renewal. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { statSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { type FileFault, readSecretFile } from './secret-file.ts';

export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  readonly client_ca?: string | undefined;
}

export interface TlsIdentity {
  readonly cert: string;
  readonly key: string;
  readonly ca?: string;
  /** End of the certificate's validity, epoch ms. */
  readonly expires: number;
}

export interface TlsFault extends FileFault {
  /** The key of the configuration that names the file. */
  readonly at: keyof TlsFiles;
}

const SOON_MS = 30 * 24 * 3_600_000;

/** Everything that is wrong, or what a TLS server is made of. An expired certificate is no fault: see `expiryWarning`. */
export function readTlsIdentity(files: TlsFiles): TlsIdentity | readonly TlsFault[] {
  const faults: TlsFault[] = [];
  const fault = (at: keyof TlsFiles, message: string): void => {
    faults.push({ at, fault: `${files[at]}: ${message}`, forbidden: false });
  };
  const read = (at: keyof TlsFiles, path: string): string => {
    const text = readSecretFile(path);
    if (typeof text === 'string') return text;
    faults.push({ at, ...text });
    return '';
  };
  const cert = read('cert', files.cert);
  const key = read('key', files.key);
  const ca = files.client_ca === undefined ? undefined : read('client_ca', files.client_ca);
  const certificate = cert === '' ? undefined : attempt(() => new X509Certificate(cert));
  if (cert !== '' && certificate === undefined) fault('cert', 'is no certificate (PEM)');
  const privateKey = key === '' ? undefined : attempt(() => createPrivateKey(key));
  if (key !== '' && privateKey === undefined) fault('key', 'is no private key (PEM without a passphrase)');
  if (ca !== undefined && ca !== '' && attempt(() => new X509Certificate(ca)) === undefined)
    fault('client_ca', 'is no certificate (PEM)');
  if (certificate !== undefined && privateKey !== undefined && !certificate.checkPrivateKey(privateKey))
    fault('key', `does not belong to the certificate in ${files.cert}`);
  if (faults.length > 0 || certificate === undefined) return faults;
  const identity = { cert, key, ...(ca !== undefined && { ca }), expires: Date.parse(certificate.validTo) };
  // OpenSSL refuses what is formally right and too weak, such as a key of 512 bits.
  const refused = refusalOf(identity);
  if (refused === undefined) return identity;
  fault('cert', `TLS does not take it: ${refused}`);
  return faults;
}

/** A sentence for an operator while the certificate is past its end or within 30 days of it. `now` in epoch ms. */
export function expiryWarning(key: string, expires: number, now: number): string | undefined {
  const day = new Date(expires).toISOString().slice(0, 10);
  if (expires <= now) return `the certificate of ${key} has expired on ${day}: devices that check it cannot connect`;
  return expires - now < SOON_MS ? `the certificate of ${key} expires on ${day}` : undefined;
}

/** Another text when one of the files was exchanged or rewritten. */
export function versionOf(files: TlsFiles): string {
  return [files.cert, files.key, files.client_ca ?? '']
    .map((path) => attempt(() => statSync(path)))
    .map((stat) => (stat === undefined ? 'none' : `${stat.ino}:${stat.size}:${stat.mtimeMs}`))
    .join(' ');
}

function refusalOf({ cert, key, ca }: TlsIdentity): string | undefined {
  try {
    createSecureContext({ cert, key, ...(ca !== undefined && { ca }) });
    return undefined;
  } catch (error) {
    const { reason, message } = error as Error & { reason?: string };
    return reason ?? message;
  }
}

function attempt<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}
