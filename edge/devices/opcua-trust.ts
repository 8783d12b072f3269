/**
 * Whom the hub trusts as an OPC UA server: what a person has put into `trusted/certs`. Nobody is trusted because they
 * were the first; an unknown certificate is put into `rejected`, for a person to judge.
 */
import { createHash } from 'node:crypto';
import type { OPCUACertificateManager, OpcUaLibrary } from './opcua-library.ts';

/** It reads the folders when it is told to. `onShown`: SHA-1 of each certificate that a server shows. */
export async function openCertificates(
  library: OpcUaLibrary,
  pki: string,
  onShown: (thumbprint: string) => void,
): Promise<OPCUACertificateManager> {
  const certificates = new library.OPCUACertificateManager({
    rootFolder: pki,
    automaticallyAcceptUnknownCertificate: false,
    disableFileWatchers: true,
  });
  await certificates.initialize();
  noteShown(certificates, onShown);
  return certificates;
}

/** The library does not tell which certificate it refused: SHA-1 of the server's own, the first of its chain. */
function noteShown(certificates: OPCUACertificateManager, note: (thumbprint: string) => void): void {
  const check = certificates.checkCertificate.bind(certificates) as (...args: unknown[]) => unknown;
  Object.assign(certificates, {
    checkCertificate: (...args: unknown[]): unknown => {
      const [chain] = args.slice(0, 1).flat();
      if (chain instanceof Uint8Array && chain.length > 4) {
        // DER: a sequence with two bytes of length.
        const length = 4 + ((chain[2] ?? 0) << 8) + (chain[3] ?? 0);
        note(createHash('sha1').update(chain.subarray(0, length)).digest('hex'));
      }
      return check(...args);
    },
  });
}
