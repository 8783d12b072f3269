/**
 * Certificates for tests: an authority of one's own, and what it signs. X.509 version 3, ECDSA on P-256, written out
 * here so that no tool has to be installed and a certificate can be wrong on purpose (expired, another host's name).
 *
 *   Certificate = SEQUENCE { tbs, algorithm, BIT STRING signature }                                   (RFC 5280, 4.1)
 *   tbs         = SEQUENCE { [0] version, serial, algorithm, issuer, validity, subject, public key, [3] extensions }
 */
import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';

export interface Identity {
  /** PEM. */
  readonly cert: string;
  /** PEM, PKCS #8. */
  readonly key: string;
}

export interface LeafOptions {
  readonly name: string;
  /** IP addresses and host names that it is good for. */
  readonly hosts?: readonly string[];
  /** Epoch ms; default: a day before and a year after now. */
  readonly validFrom?: number;
  readonly validTo?: number;
}

export interface Authority extends Identity {
  issue(options: LeafOptions): Identity;
}

const DAY = 86_400_000;
const SEQUENCE = 0x30;
const OID_ECDSA_SHA256 = Buffer.from('06082a8648ce3d040302', 'hex');
const OID_COMMON_NAME = Buffer.from('0603550403', 'hex');
const OID_BASIC_CONSTRAINTS = Buffer.from('0603551d13', 'hex');
const OID_SUBJECT_ALT_NAME = Buffer.from('0603551d11', 'hex');
const TRUE = Buffer.from('0101ff', 'hex');

function der(tag: number, ...content: readonly Buffer[]): Buffer {
  const body = Buffer.concat(content);
  const { length } = body;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), body]);
  if (length < 0x100) return Buffer.concat([Buffer.from([tag, 0x81, length]), body]);
  return Buffer.concat([Buffer.from([tag, 0x82, length >> 8, length & 0xff]), body]);
}

function nameOf(text: string): Buffer {
  return der(SEQUENCE, der(0x31, der(SEQUENCE, OID_COMMON_NAME, der(0x0c, Buffer.from(text)))));
}

/** GeneralizedTime, to the second. */
function time(at: number): Buffer {
  const digits = new Date(at).toISOString().replace(/\D/g, '').slice(0, 14);
  return der(0x18, Buffer.from(`${digits}Z`));
}

function altName(host: string): Buffer {
  return isIP(host) === 4 ? der(0x87, Buffer.from(host.split('.').map(Number))) : der(0x82, Buffer.from(host));
}

function extension(oid: Buffer, value: Buffer, critical = false): Buffer {
  return der(SEQUENCE, oid, ...(critical ? [TRUE] : []), der(0x04, value));
}

function pem(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

interface Request extends LeafOptions {
  readonly issuer: string;
  readonly signer: KeyObject;
  readonly subject: KeyObject;
  readonly authority: boolean;
}

function certificate(request: Request): string {
  const { name, hosts = [], issuer, signer, subject, authority } = request;
  const { validFrom = Date.now() - DAY, validTo = Date.now() + 365 * DAY } = request;
  const algorithm = der(SEQUENCE, OID_ECDSA_SHA256);
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  const extensions = [extension(OID_BASIC_CONSTRAINTS, der(SEQUENCE, ...(authority ? [TRUE] : [])), true)];
  if (hosts.length > 0) extensions.push(extension(OID_SUBJECT_ALT_NAME, der(SEQUENCE, ...hosts.map(altName))));
  const tbs = der(
    SEQUENCE,
    der(0xa0, Buffer.from([2, 1, 2])),
    der(2, serial),
    algorithm,
    nameOf(issuer),
    der(SEQUENCE, time(validFrom), time(validTo)),
    nameOf(name),
    subject.export({ type: 'spki', format: 'der' }),
    der(0xa3, der(SEQUENCE, ...extensions)),
  );
  const signature = sign('sha256', tbs, signer);
  return pem(der(SEQUENCE, tbs, algorithm, der(0x03, Buffer.from([0]), signature)));
}

function keyPair(): { readonly publicKey: KeyObject; readonly privateKey: KeyObject; readonly text: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const text = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return { publicKey, privateKey: createPrivateKey(text), text };
}

/** A new authority that nobody trusts yet. */
export function makeAuthority(name: string): Authority {
  const own = keyPair();
  const cert = certificate({
    name,
    issuer: name,
    signer: own.privateKey,
    subject: own.publicKey,
    authority: true,
  });
  return {
    cert,
    key: own.text,
    issue(options) {
      const leaf = keyPair();
      const signed = { ...options, issuer: name, signer: own.privateKey, subject: leaf.publicKey, authority: false };
      return { cert: certificate(signed), key: leaf.text };
    },
  };
}
