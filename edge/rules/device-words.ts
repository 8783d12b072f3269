/** What staff read on a phone about a device that is not well: what is wrong, and what to do about it. */
import type { CodecName } from '../contracts/devices.ts';
import type { LiveAlert } from './alert-life.ts';
import type { DeviceView, Views } from './rule.ts';

/** Not connected, or reading nothing. Behind the word: its number, or nothing where the reader does not tell. */
type AntennaTrouble = `${'antenna' | 'deaf'} ${string}`;
export type Trouble = 'flapping' | 'silent' | 'offline' | AntennaTrouble | 'battery' | 'clock' | 'reset';

export interface AntennaFault {
  readonly zone?: string;
  /** The reader does not say that it is not connected; but none of so many items is read any more. */
  readonly items?: number;
}

/** What is known of a device's health; what is well is absent. */
export interface DeviceTroubles {
  /** It was last heard then, ISO 8601; `expected_s` absent: it said itself that it goes off line. */
  readonly silent?: {
    readonly since: string;
    readonly expected_s?: number;
    /** It counts only while the shop is at work. */
    readonly at_work?: true;
    /** So many devices come by this way. */
    readonly behind?: number;
  };
  /** It came and went too often; until then (elapsed) unless it does so again. */
  readonly flapping?: number;
  /** Antennas that read nothing, by number. */
  readonly antennas?: Readonly<Record<string, AntennaFault>>;
  readonly battery?: number;
  /** Seconds that its clock is ahead. */
  readonly clock?: number;
  readonly reset?: { readonly from: number; readonly to: number; readonly jumped: boolean; readonly until: number };
}

type Words = Pick<LiveAlert, 'severity' | 'title' | 'detail'>;

const EMPTY = 5;
const MOST_NAMED = 5;

/** Where to go when a device is away, by how it speaks. */
const LOOK: Readonly<Partial<Record<CodecName, string>>> = {
  impinj: 'Walk to the reader: is its light on? Check its network cable and power.',
  zebra: 'Walk to the reader: is its light on? Check its network cable and power.',
  thingmagic: 'Walk to the reader: check its cable and power.',
  m100: 'Walk to the reader: check its cable and power.',
  scanner: 'Check that the scanner is plugged in; unplug it and plug it in again.',
  'mt-sics': 'Check that the scale is on and its cable is plugged in.',
  'toledo-8217': 'Check that the scale is on and its cable is plugged in.',
  'scale-stream': 'Check that the scale is on and its cable is plugged in.',
  chirpstack: 'Check its battery; if several of them are quiet, the power of the LoRaWAN gateway.',
  'things-stack': 'Check its battery; if several of them are quiet, the power of the LoRaWAN gateway.',
  zigbee2mqtt: 'Check its battery; if several of them are quiet, the Zigbee gateway.',
  opcua: 'Check the network cable and power of the cooling control.',
  poslog: 'Check that the till runs and writes its files.',
  csv: 'Check that the till runs and writes its files.',
};
const LOOK_AT_ANY = 'Check its plug, its cable or Wi-Fi, and its battery if it has one.';

/** `telling`: the worst first, at least one. */
export function whatIsWrong(
  device: string,
  views: Pick<Views, 'device' | 'clockAt'>,
  troubles: DeviceTroubles,
  telling: readonly Trouble[],
): Words {
  const [worst = 'silent'] = telling;
  const view = views.device(device);
  const severity = severityOf(worst, troubles);
  const clockAt = (iso: string): string => views.clockAt(Date.parse(iso));
  if (view?.way !== undefined) return { severity, ...aboutWay(view.way, worst, troubles, clockAt) };
  const where = view?.place === undefined ? '' : ` It stands at: ${view.place}.`;
  const look = (view?.codec && LOOK[view.codec]) ?? LOOK_AT_ANY;
  const sentences = telling.map((trouble) => sentenceOf(trouble, troubles, look, clockAt));
  return {
    severity,
    title: `${device}: ${titleOf(worst, troubles)}`,
    detail: `${sentences.join(' ')}${where}`,
  };
}

/** One alert for all devices that come by one way. */
function aboutWay(
  { title, look, behind }: NonNullable<DeviceView['way']>,
  trouble: Trouble,
  { silent }: DeviceTroubles,
  clockAt: (iso: string) => string,
): Pick<Words, 'title' | 'detail'> {
  const most = silent?.behind ?? behind.length;
  const names = behind.slice(0, MOST_NAMED).join(', ');
  const more = behind.length > MOST_NAMED ? ` and ${behind.length - MOST_NAMED} more` : '';
  if (trouble === 'flapping')
    return {
      title: `${title}: comes and goes`,
      detail: `The ${behind.length} devices that come by it fell silent together more than 4 times within an hour: ${names}${more}. Often that is a loose plug or a bad network. ${look}`,
    };
  return {
    title: `${title}: is silent, ${most} devices behind it`,
    detail: `None of the devices that come by it was heard since ${silent === undefined ? '' : clockAt(silent.since)}: ${names}${more}. ${look}`,
  };
}

function severityOf(trouble: Trouble, { battery = 100 }: DeviceTroubles): Words['severity'] {
  if (trouble === 'battery') return battery <= EMPTY ? 'warning' : 'info';
  return trouble === 'clock' || trouble === 'reset' ? 'info' : 'warning';
}

function titleOf(trouble: Trouble, { reset }: DeviceTroubles): string {
  if (isOfAntenna(trouble)) return `${nameOf(trouble)} ${isDeaf(trouble) ? 'reads nothing' : 'is not connected'}`;
  switch (trouble) {
    case 'flapping':
      return 'comes and goes';
    case 'silent':
      return 'is quiet';
    case 'offline':
      return 'is off line';
    case 'battery':
      return 'battery low';
    case 'clock':
      return 'its clock is wrong';
    case 'reset':
      return reset?.jumped ? 'its counter jumped' : 'its counter began anew';
  }
}

function sentenceOf(
  trouble: Trouble,
  troubles: DeviceTroubles,
  look: string,
  clockAt: (iso: string) => string,
): string {
  const { silent, battery, clock = 0, reset, antennas } = troubles;
  if (isOfAntenna(trouble)) return antennaText(trouble, antennas?.[numberOf(trouble)] ?? {});
  const since = silent === undefined ? '' : clockAt(silent.since);
  switch (trouble) {
    case 'flapping':
      return `It went away more than 4 times within an hour. Often that is a loose plug, an empty battery or bad reception. ${look}`;
    case 'silent':
      return `Nothing came from it since ${since}, though it should say something at least every ${spanText(silent?.expected_s ?? 0)}${silent?.at_work ? ' while the shop is at work' : ''}. ${look}`;
    case 'offline':
      return `It is off line since ${since}. ${look}`;
    case 'battery':
      return `Its battery is at ${Math.round(battery ?? 0)} %. Replace it.`;
    case 'clock':
      return `Its clock is ${spanText(Math.abs(clock))} ${clock > 0 ? 'ahead' : 'behind'}. Set its time, or let it take the time from the network (NTP).`;
    case 'reset':
      return reset?.jumped
        ? `Its count jumped from ${reset.from} to ${reset.to}, more than can have passed; that is not counted. Check that nothing stands in its view.`
        : `Its count fell from ${reset?.from ?? 0} to ${reset?.to ?? 0}: it was restarted or set back, and what passed meanwhile is missing. If nobody did, check its plug.`;
  }
}

function antennaText(trouble: AntennaTrouble, { zone, items = 0 }: AntennaFault): string {
  const there = zone === undefined ? '' : ` in ${zone}`;
  const name = nameOf(trouble).replace(/^./, (letter) => letter.toUpperCase());
  if (isDeaf(trouble))
    return `${name} reads nothing any more, none of the ${items} items that it had${there}: check its cable, and whether metal stands before it. Until it reads something they are taken to be still there: if they were carried away, hold a tagged item before it.`;
  return `${name} is not connected: check its cable. Until it is, what only it can see${there} is taken to be still there.`;
}

function isOfAntenna(trouble: Trouble): trouble is AntennaTrouble {
  return trouble.includes(' ');
}

function isDeaf(trouble: AntennaTrouble): boolean {
  return trouble.startsWith('deaf ');
}

function numberOf(trouble: AntennaTrouble): string {
  return trouble.slice(trouble.indexOf(' ') + 1);
}

function nameOf(trouble: AntennaTrouble): string {
  return numberOf(trouble) === '' ? 'its antenna' : `antenna ${numberOf(trouble)}`;
}

function spanText(seconds: number): string {
  const of = (amount: number, unit: string): string => `${amount} ${unit}${amount === 1 ? '' : 's'}`;
  if (seconds < 120) return of(Math.round(seconds), 'second');
  if (seconds < 7200) return of(Math.round(seconds / 60), 'minute');
  return of(Math.round(seconds / 3600), 'hour');
}
