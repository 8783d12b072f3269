/**
 * Secrets never stand in the configuration: it names a file, or a systemd credential as `credential:NAME`, which is
 * a file in `$CREDENTIALS_DIRECTORY`.
 */
import { join, resolve } from 'node:path';

const CREDENTIAL = 'credential:';

/**
 * The absolute path that is meant. A credential stays as it is when this process has none: the edge and `check-config`
 * read the same file as the bridge, and only the bridge is given the secret.
 */
export function resolveSecretFile(reference: string, folder: string, env: NodeJS.ProcessEnv): string {
  if (!reference.startsWith(CREDENTIAL)) return resolve(folder, reference);
  const credentials = env.CREDENTIALS_DIRECTORY;
  return credentials === undefined ? reference : join(credentials, reference.slice(CREDENTIAL.length));
}
