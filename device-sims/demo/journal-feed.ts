/** What the hub journals, as `store-hub journal tail` prints it while it happens. */
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { type GuardedProcess, spawnGuarded } from '../harness/guarded-process.ts';
import { commandFile } from '../harness/project.ts';
import { ownEnvironment } from '../harness/store-hub.ts';

const eventSchema = z.object({
  id: z.string(),
  type: z.string(),
  subject: z.string(),
  data: z.looseObject({ readingId: z.string().optional() }),
});

export type FedEvent = z.infer<typeof eventSchema>;

export interface JournalFeed {
  start(): void;
  stop(): Promise<void>;
}

export function journalFeed(configFile: string, heard: (event: FedEvent) => void): JournalFeed {
  let tail: GuardedProcess | undefined;
  return {
    start() {
      const args = [commandFile(), 'journal', 'tail', '--lines', '0', '--config', configFile];
      tail = spawnGuarded(process.execPath, args, { env: ownEnvironment() });
      tail.child.stderr?.resume();
      if (!tail.child.stdout) return;
      createInterface({ input: tail.child.stdout }).on('line', (line) => {
        const parsed = eventSchema.safeParse(parse(line));
        if (parsed.success) heard(parsed.data);
      });
    },
    async stop() {
      await tail?.end('SIGTERM', 2_000);
    },
  };
}

/** A line cut off by the end of the program is no event. */
function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
