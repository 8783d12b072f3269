/** The writer's thread: batches in, replies out, and by itself when a wake is due. Started by journal-thread.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Alert } from './contracts/alerts.ts';
import { HubError, isDamage, messageOf } from './contracts/errors.ts';
import type { SavedSessions } from './contracts/sessions.ts';
import type { Batch, Reply } from './crossing.ts';
import { noteDamage } from './journal/damage.ts';
import type { OutMessage } from './notify/outbox.ts';
import { giveBackWhenCalm } from './ops/memory-return.ts';
import { Writer, type WriterOptions } from './writer.ts';

export type FromWriter =
  | {
      readonly is: 'ready';
      readonly incarnation: string;
      readonly out: readonly OutMessage[];
      readonly open: readonly Alert[];
      readonly sessions: SavedSessions;
    }
  | { readonly is: 'reply'; readonly reply: Reply }
  /** What the writer did by itself. */
  | { readonly is: 'tick'; readonly reply: Reply }
  | { readonly is: 'closed' }
  | { readonly is: 'failed'; readonly code: string | undefined; readonly message: string };

export type ToWriter = Batch | 'close';

const port = parentPort;
if (!port) throw new Error('writer-thread runs as a worker thread');

const send = (message: FromWriter): void => port.postMessage(message);
const options = workerData as WriterOptions;
let { synced } = options;
let timer: NodeJS.Timeout | undefined;

try {
  const writer = new Writer(options, { wall: Date.now, monotonic: () => performance.now() });
  send({ is: 'ready', incarnation: writer.incarnation, ...writer.leftovers() });

  giveBackWhenCalm(() => writer.shrink());
  const rest = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      guarded(() => {
        send({ is: 'tick', reply: writer.tick(synced) });
        rest();
      });
    }, writer.restMs());
  };
  port.on('message', (message: ToWriter) => {
    guarded(() => {
      if (message === 'close') {
        clearTimeout(timer);
        writer.close();
        send({ is: 'closed' });
        port.close();
        return;
      }
      synced = message.synced;
      send({ is: 'reply', reply: writer.answer(message) });
      writer.settle();
      rest();
    });
  });
  rest();
} catch (error) {
  fail(error);
}

/** A failed disk ends the thread: what was not acknowledged is sent again to the next process. */
function guarded(work: () => void): void {
  try {
    work();
  } catch (error) {
    fail(error);
  }
}

function fail(error: unknown): void {
  clearTimeout(timer);
  const code = error instanceof HubError ? error.code : isDamage(error) ? 'JOURNAL_DAMAGED' : undefined;
  send({ is: 'failed', code, message: wordsOf(error) });
  port?.close();
  // Also when this process gets no further.
  if (code === 'JOURNAL_DAMAGED') noteDamage(options.dataDir, wordsOf(error));
}

/** SQLite's messages say little without their code. */
function wordsOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return code.startsWith('SQLITE_') ? `${messageOf(error)} (${code})` : messageOf(error);
}
