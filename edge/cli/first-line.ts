/** What is piped into a command: its first line. */
import { createInterface } from 'node:readline';

/** Without its line end; empty when there is none. */
export async function firstLine(): Promise<string> {
  const lines = createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY });
  try {
    for await (const text of lines) return text;
    return '';
  } finally {
    lines.close();
    process.stdin.destroy();
  }
}
