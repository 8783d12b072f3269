/** What the devices share: a line of their own, something done at intervals, and a beat that says they are alive. */
import type { Kind } from '../../edge/contracts/readings.ts';
import type { Device, Surroundings } from './device.ts';
import { type DeviceLine, openLine } from './device-line.ts';

const BEAT_MS = 20_000;

export function itemsText(count: number): string {
  return count === 1 ? '1 item' : `${count} items`;
}

export type Report = (kind: Kind, fields: Readonly<Record<string, unknown>>, text: string) => void;

export interface Reporter {
  readonly name: string;
  /** Percent at the start; absent: it has no battery. */
  readonly battery?: number;
  readonly everyMs: number;
  /** Looks at the world and reports what there is to report. */
  look(report: Report): void;
  /** Once, when it is connected. */
  begin?(report: Report): void;
  /** Fulfilled when nothing is on the way that leads to a report. */
  settled?(): Promise<unknown>;
}

export function device(reporter: Reporter, { url, tally, sent }: Surroundings): Device {
  let line: DeviceLine | undefined;
  let timers: NodeJS.Timeout[] = [];
  let battery = reporter.battery;

  const report: Report = (kind, fields, text) => {
    if (!line) return;
    const about = typeof fields.shelf === 'string' ? fields.shelf : undefined;
    const shopper = typeof fields.shopper === 'string' ? fields.shopper : undefined;
    sent({ device: reporter.name, id: line.send(kind, fields), text, about, shopper });
  };
  const beat = (): void => {
    report('status', { online: true, ...(battery === undefined ? {} : { battery_percent: battery }) }, 'alive');
    if (battery !== undefined) battery = Math.max(0, Math.round((battery - 0.1) * 10) / 10);
  };
  return {
    name: reporter.name,
    async start() {
      line = await openLine(url, reporter.name, tally);
      beat();
      reporter.begin?.(report);
      reporter.look(report);
      timers = [setInterval(beat, BEAT_MS), setInterval(() => reporter.look(report), reporter.everyMs)];
    },
    async stop(patienceMs) {
      for (const timer of timers.splice(0)) clearInterval(timer);
      if (line && patienceMs > 0) await reporter.settled?.();
      const closing = line;
      line = undefined;
      await closing?.close(patienceMs);
    },
  };
}
