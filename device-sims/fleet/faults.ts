/**
 * Faults on request, as one text such as `resend:5,garbage:1,reboot`. They happen on the way from the devices to the hub,
 * to their clocks, their antennas and their power: a device does not know of them. Which device is struck and when is
 * told by the seed; times are the shop's.
 *
 * WORDS says each of them as the help does.
 */

export interface Faults {
  /** Share of frames, 0..1. */
  readonly resend: number;
  /** Share of frames, 0..1. */
  readonly garbage: number;
  /** Share of uplinks, 0..1. */
  readonly twice: number;
  readonly skewMs: number;
  /** Share of devices, 0..1; so are the three below. */
  readonly silence: number;
  readonly blind: number;
  readonly unplug: number;
  readonly wifi: number;
  readonly reboot: boolean;
  readonly flood: boolean;
}

export const NO_FAULTS: Faults = {
  ...{ resend: 0, garbage: 0, twice: 0, skewMs: 0, silence: 0, blind: 0, unplug: 0, wifi: 0 },
  ...{ reboot: false, flood: false },
};

/** For people: the word with its value, and what it does. */
export const WORDS: readonly (readonly [word: string, does: string])[] = [
  ['resend:PERCENT', 'so much of what is said comes twice'],
  ['garbage:PERCENT', 'before so much of it comes a damaged copy, which nobody can read'],
  ['twice:PERCENT', 'so many uplinks of ChirpStack come again by a second gateway, under another id'],
  ['skew:SECONDS', 'clocks of a quarter of the devices are wrong by so much; negative: they are late'],
  ['silence:SHARE', 'so many devices (0 to 1) hang for two hours of the day, and say later what they counted'],
  ['blind:SHARE', 'so many RFID readers, or one antenna of them, see nothing for 30 to 120 minutes of the day'],
  ['unplug:SHARE', 'the cable of so many devices is out for 5 to 45 minutes of the day; serial: back as another tty'],
  ['wifi:SHARE', 'so many devices lose their connection for 5 seconds to 5 minutes, twice an hour'],
  ['reboot', 'each device loses its power once a day, with its counters and numbers'],
  ['flood', 'one device says all of it twenty times'],
];

const LONGEST_SKEW_S = 86_400;

type Reader = (value: string | undefined) => Partial<Faults> | string;

const READERS: Readonly<Record<string, Reader>> = {
  resend: percent('resend'),
  garbage: percent('garbage'),
  twice: percent('twice'),
  skew(value) {
    const seconds = numberIn(value, /^-?\d{1,5}$/);
    if (seconds === undefined || Math.abs(seconds) > LONGEST_SKEW_S)
      return `skew needs whole seconds up to ${LONGEST_SKEW_S}, such as skew:180`;
    return { skewMs: seconds * 1000 };
  },
  silence: share('silence'),
  blind: share('blind'),
  unplug: share('unplug'),
  wifi: share('wifi'),
  reboot: alone('reboot'),
  flood: alone('flood'),
};

/** Throws with what is wrong with the text. */
export function parseFaults(text: string): Faults {
  let faults = NO_FAULTS;
  const seen = new Set<string>();
  for (const part of text.split(',')) {
    const [name = '', value, ...more] = part.trim().split(':');
    const read = Object.hasOwn(READERS, name) ? READERS[name] : undefined;
    if (read === undefined)
      throw new Error(`there is no fault ${JSON.stringify(name)}; there are ${Object.keys(READERS).join(', ')}`);
    if (seen.has(name)) throw new Error(`${name} is there twice`);
    seen.add(name);
    const found = more.length > 0 ? `${name} has too many colons` : read(value);
    if (typeof found === 'string') throw new Error(found);
    faults = { ...faults, ...found };
  }
  return faults;
}

function percent(name: 'resend' | 'garbage' | 'twice'): Reader {
  return (value) => {
    const found = numberIn(value, /^\d{1,3}(\.\d+)?$/);
    if (found === undefined || found > 100) return `${name} needs a percentage from 0 to 100, such as ${name}:5`;
    return { [name]: found / 100 };
  };
}

function share(name: 'silence' | 'blind' | 'unplug' | 'wifi'): Reader {
  return (value) => {
    const found = numberIn(value, /^\d(\.\d+)?$/);
    return found === undefined || found > 1
      ? `${name} needs a share from 0 to 1, such as ${name}:0.1`
      : { [name]: found };
  };
}

function alone(name: 'reboot' | 'flood'): Reader {
  return (value) => (value === undefined ? { [name]: true } : `${name} takes no value`);
}

function numberIn(value: string | undefined, form: RegExp): number | undefined {
  return value !== undefined && form.test(value) ? Number(value) : undefined;
}
