/**
 * When which fault strikes which device, planned for the whole run before it begins, from the seed alone. Times are of
 * the simulated clock. What comes of it is written beside the ledger, so that a score can be split by it.
 */
import { writeFileSync } from 'node:fs';
import type { Random } from '../sim/random.ts';
import type { Streams } from '../sim/streams.ts';
import type { Faults } from './faults.ts';
import { offlineOf } from './outages.ts';
import type { SimDevice } from './sim-device.ts';

/** Those that begin and end; the others are on the way of every frame. */
export type StrikeKind = 'skew' | 'flood' | 'silence' | 'reboot' | 'blind' | 'unplug' | 'wifi';

export interface Strike {
  readonly fault: StrikeKind;
  readonly device: string;
  /** Epoch ms of the simulated clock. */
  readonly from: number;
  readonly until: number;
  /** Of a blind reader: the antenna; absent: all. */
  readonly antenna?: number | undefined;
  /** What the device watches: shelves, units, zones, lines, a till. */
  readonly watches: readonly string[];
}

type Span = Pick<Strike, 'from' | 'until' | 'antenna'>;

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Of the devices whose clocks are wrong by a fault. */
const WRONG_CLOCKS = 0.25;
const SILENT = 2 * HOUR;
const SHORTEST_GAP = 5_000;
const LONGEST_GAP = 5 * MINUTE;
/** From one gap to the next, on average. */
const BETWEEN_GAPS = 30 * MINUTE;

export function isSkewed(faults: Faults, of: Streams, device: string): boolean {
  return faults.skewMs !== 0 && of('skew', device).chance(WRONG_CLOCKS);
}

/** In order of time. `from`, `until`: of the run. */
export function planStrikes(
  faults: Faults,
  devices: readonly SimDevice[],
  of: Streams,
  { from, until }: { readonly from: number; readonly until: number },
): readonly Strike[] {
  const strikes: Strike[] = [];
  const flooding = faults.flood ? of('flood').pick(devices, () => 1).name : undefined;
  for (const device of devices) {
    const watches = watchedBy(device);
    const add = (fault: StrikeKind, spans: readonly Span[]): void => {
      for (const span of spans) strikes.push({ fault, device: device.name, ...span, watches });
    };
    const random = (fault: StrikeKind): Random => of('strike', fault, device.name);
    /** One span of a day for each day, of a length that is drawn. */
    const daily = (fault: StrikeKind, shortest: number, longest: number): Span[] => {
      const dice = random(fault);
      const spans: Span[] = [];
      for (let day = from; day < until; day += DAY) {
        const at = day + dice.between(0.1, 0.8) * Math.min(DAY, until - day);
        spans.push({ from: at, until: Math.min(until, at + dice.between(shortest, longest)) });
      }
      return spans;
    };
    const struck = (fault: StrikeKind, share: number): boolean =>
      share > 0 && of('struck', fault, device.name).chance(share);
    if (isSkewed(faults, of, device.name)) add('skew', [{ from, until }]);
    if (device.name === flooding) add('flood', [{ from, until }]);
    if (struck('silence', faults.silence)) add('silence', daily('silence', SILENT, SILENT));
    if (faults.reboot) add('reboot', daily('reboot', 0, 0));
    if (device.blind !== undefined && struck('blind', faults.blind)) {
      const whole = of('antenna', device.name);
      const spans = daily('blind', 30 * MINUTE, 2 * HOUR);
      add(
        'blind',
        spans.map((span) =>
          whole.chance(0.5) ? span : { ...span, antenna: whole.pick(device.antennas ?? [1], () => 1) },
        ),
      );
    }
    // The server of a controller is asked by the hub, and is out of our hands here.
    if (device.entry?.opcua !== undefined) continue;
    // What has no cable loses none.
    if (offlineOf(device.entry?.codec) !== 'radio' && struck('unplug', faults.unplug))
      add('unplug', daily('unplug', 5 * MINUTE, 45 * MINUTE));
    if (device.unplug === undefined && struck('wifi', faults.wifi)) add('wifi', gaps(random('wifi'), from, until));
  }
  return strikes.sort((a, b) => a.from - b.from);
}

/** Short ones most of all. */
function gaps(random: Random, from: number, until: number): Span[] {
  const spans: Span[] = [];
  for (let at = from + random.wait(BETWEEN_GAPS); at < until; at += random.wait(BETWEEN_GAPS)) {
    const end = Math.min(until, at + SHORTEST_GAP * (LONGEST_GAP / SHORTEST_GAP) ** random.next());
    spans.push({ from: at, until: end });
    at = end;
  }
  return spans;
}

/** By its entry, and what it says of itself. */
function watchedBy({ name, entry, watches = [] }: SimDevice): readonly string[] {
  const { shelf, unit, line, zone, antennas, places } = (entry ?? {}) as Readonly<Record<string, unknown>>;
  const named = [shelf, unit, line, zone].filter((value) => typeof value === 'string');
  const mapped = [antennas, places].flatMap((map) =>
    typeof map === 'object' && map !== null ? Object.values(map) : [],
  );
  return [...new Set([name, ...watches, ...named, ...mapped.filter((value) => typeof value === 'string')])];
}

/** Beside the ledger: one JSON object a line, in order of time. */
export function writeStrikes(file: string, strikes: readonly Strike[]): void {
  const lines = strikes.map(({ fault, device, from, until, antenna, watches }) => {
    const [began, ended] = [from, until].map((ms) => new Date(ms).toISOString());
    return `${JSON.stringify({ fault, device, from: began, until: ended, ...(antenna !== undefined && { antenna }), watches })}\n`;
  });
  writeFileSync(file, lines.join(''));
}
