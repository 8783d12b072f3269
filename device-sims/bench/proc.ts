/** What Linux says about a running process (memory and CPU time, threads included) and about the whole machine. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** `USER_HZ`, the unit of the times in /proc/<pid>/stat, is 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

export interface Usage {
  /** Resident memory in MiB. */
  readonly rssMb: number;
  /** CPU seconds since the process began, user and system. */
  readonly cpuSeconds: number;
  /** Milliseconds on a steady clock when this was read. */
  readonly at: number;
}

export function usageOf(pid: number): Usage {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The command's name may hold spaces; fields are counted from behind its closing parenthesis.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return {
    rssMb: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024,
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
    at: performance.now(),
  };
}

/**
 * Bytes that a process has caused to be written to a disk, its threads included; of this process itself also by those
 * of its children that have ended.
 */
export function writtenBy(pid: number): number {
  return Number(/^write_bytes: (\d+)/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1] ?? Number.NaN);
}

/** Percent of one core between two readings. */
export function cpuPercent(before: Usage, after: Usage): number {
  return ((after.cpuSeconds - before.cpuSeconds) * 100_000) / Math.max(1, after.at - before.at);
}

/** CPU microseconds for each of `count` things done between two readings. */
export function cpuEach(before: Usage, after: Usage, count: number): number {
  return ((after.cpuSeconds - before.cpuSeconds) * 1e6) / Math.max(1, count);
}

/** How much of all cores is in use, 0..1, looked at for a second. */
export async function machineBusy(): Promise<number> {
  const before = machineTicks();
  await sleep(1_000);
  const after = machineTicks();
  return 1 - (after.idle - before.idle) / Math.max(1, after.all - before.all);
}

function machineTicks(): { idle: number; all: number } {
  const [first = ''] = readFileSync('/proc/stat', 'utf8').split('\n', 1);
  const ticks = first.trim().split(/\s+/).slice(1, 9).map(Number);
  // The fourth is idle, the fifth waits for a disk.
  return { idle: (ticks[3] ?? 0) + (ticks[4] ?? 0), all: ticks.reduce((sum, value) => sum + value, 0) };
}
