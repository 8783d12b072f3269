/** The two daemons, loaded only when they are asked for: no other command pays for their start. */
import type { StoreConfig } from '../../config/schema.ts';

/** What an operator may decide after a halt. */
export type ResumeMode = 'dry-run' | 'refill' | 'new-incarnation' | 'repartition';

/** `summary`: what was found and done, or would be, as lines for a person; more fields are for `--json`. */
interface ResumeReport {
  readonly summary: string;
}

type Resume = (config: StoreConfig, mode: ResumeMode) => Promise<ResumeReport>;
type Daemon = (config: StoreConfig, signal: AbortSignal) => Promise<void>;

export async function loadEdge(): Promise<Daemon> {
  const { runEdge } = await import('../main.ts');
  return runEdge;
}

export async function loadBridge(): Promise<Daemon> {
  const { runBridge } = await import('../../cloud-bridge/main.ts');
  return runBridge;
}

export async function loadResume(): Promise<Resume> {
  const entry = new URL('../../cloud-bridge/main.js', import.meta.url).href;
  const { runResume } = (await import(entry)) as { runResume: Resume };
  return runResume;
}
