/** What Linux says about a running process: memory and CPU time, threads included. */
import { readFileSync } from 'node:fs';

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

/** Percent of one core between two readings. */
export function cpuPercent(before: Usage, after: Usage): number {
  return ((after.cpuSeconds - before.cpuSeconds) * 100_000) / Math.max(1, after.at - before.at);
}
