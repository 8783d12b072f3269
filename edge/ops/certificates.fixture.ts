/** For tests: an authority and certificates that it signed, made with openssl in a folder. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

function openssl(folder: string, ...args: string[]): void {
  execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** A self-signed authority: `<name>.pem`, `<name>.key`. */
export function authority(folder: string, name: string): CertificateFiles {
  const [cert, key] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)];
  openssl(folder, 'req', '-x509', ...NEW_KEY, '-keyout', key, '-out', cert, '-subj', `/CN=${name}`, '-days', '300');
  return { cert, key };
}

/** A certificate for `commonName` that is also good for localhost and 127.0.0.1. */
export function certificate(
  folder: string,
  ca: CertificateFiles,
  { commonName, file = commonName, days = 200 }: { commonName: string; file?: string; days?: number },
): CertificateFiles {
  const [cert, key, request] = ['pem', 'key', 'csr'].map((end) => join(folder, `${file}.${end}`)) as [
    string,
    string,
    string,
  ];
  const names = join(folder, 'names.ext');
  writeFileSync(names, 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
  openssl(folder, 'req', '-new', ...NEW_KEY, '-keyout', key, '-out', request, '-subj', `/CN=${commonName}`);
  const signing = ['-CA', ca.cert, '-CAkey', ca.key, '-CAcreateserial', '-extfile', names];
  openssl(folder, 'x509', '-req', '-in', request, ...signing, '-days', String(days), '-out', cert);
  return { cert, key };
}

/** The same, with a certificate that ended years ago. */
export function expiredCertificate(folder: string, ca: CertificateFiles, commonName: string): CertificateFiles {
  const files = certificate(folder, ca, { commonName });
  const issued = join(folder, 'issued');
  mkdirSync(issued);
  writeFileSync(join(issued, 'index.txt'), '');
  const settings = [
    '[ca]',
    'default_ca = one',
    '[one]',
    `new_certs_dir = ${issued}`,
    `database = ${join(issued, 'index.txt')}`,
    `rand_serial = yes`,
    'default_md = sha256',
    'policy = any',
    '[any]',
    'commonName = supplied',
  ];
  const config = join(issued, 'ca.cnf');
  writeFileSync(config, `${settings.join('\n')}\n`);
  const times = ['-startdate', '20200101000000Z', '-enddate', '20200301000000Z'];
  const request = join(folder, `${commonName}.csr`);
  const signing = ['-config', config, '-cert', ca.cert, '-keyfile', ca.key, '-in', request, '-out', files.cert];
  openssl(folder, 'ca', '-batch', '-notext', ...signing, ...times);
  return files;
}
