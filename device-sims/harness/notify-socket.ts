/** A service manager for tests: a Unix datagram socket, and what was said there. Needs socat. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { waitUntil } from './wait-until.ts';

export interface NotifySocket {
  /** How often this was said. */
  count(word: string): number;
  /** Everything since the start, as it came. */
  readonly text: string;
  close(): void;
}

export async function listenForNotifications(path: string): Promise<NotifySocket> {
  const child = spawn('socat', ['-u', `UNIX-RECV:${path}`, '-'], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  await waitUntil('the socket', () => existsSync(path));
  return {
    count: (word) => text.split(word).length - 1,
    get text() {
      return text;
    },
    close: () => child.kill('SIGKILL'),
  };
}
