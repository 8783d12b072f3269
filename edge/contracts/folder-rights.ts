/** What to do about a folder in which the hub may not write: the line that is missing, for whoever installs it. */
import { userInfo } from 'node:os';

/** Empty where it is nothing of rights. `folder`: an absolute path. */
export function rightsAdvice(error: unknown, folder: string): string {
  const { code } = error as NodeJS.ErrnoException;
  // The unit of the hub lets it write in its own folder alone (ProtectSystem=strict).
  if (code === 'EROFS')
    return `; as a service it may write only where its unit says so: \`systemctl edit store-hub-edge\`, under [Service] the line ${readWriteLine(folder)}, then systemctl restart store-hub-edge`;
  if (code === 'EACCES' || code === 'EPERM')
    return `; let its user write there: setfacl -m u:${userInfo().username}:rwx '${folder}'`;
  return '';
}

/** The line of a unit that lets it write in a folder, which need not be there when it starts. */
export function readWriteLine(folder: string): string {
  const path = `-${folder.replaceAll('%', '%%')}`;
  return `ReadWritePaths=${/\s/.test(path) ? `"${path}"` : path}`;
}
