/**
 * Faults on request, as one text such as `resend:5,garbage:1,reboot`. They happen on the way from the devices to the hub,
 * to their clocks and their power: a device does not know of them.
 *
 *   resend:PERCENT    so much of what is said comes twice
 *   garbage:PERCENT   before so much of it comes a damaged copy, which nobody can read
 *   skew:SECONDS      the clocks of a quarter of the devices are wrong by so much; negative: they are late
 *   silence:SHARE     so many of the devices (0 to 1) hang for two hours of the day; what they count meanwhile is said later
 *   reboot            each device loses its power once a day, with its counters and numbers
 *   flood             one device says all of it twenty times
 */

export interface Faults {
  /** Share of frames, 0..1. */
  readonly resend: number;
  /** Share of frames, 0..1. */
  readonly garbage: number;
  readonly skewMs: number;
  /** Share of devices, 0..1. */
  readonly silence: number;
  readonly reboot: boolean;
  readonly flood: boolean;
}

export const NO_FAULTS: Faults = { resend: 0, garbage: 0, skewMs: 0, silence: 0, reboot: false, flood: false };

const LONGEST_SKEW_S = 86_400;

type Reader = (value: string | undefined) => Partial<Faults> | string;

const READERS: Readonly<Record<string, Reader>> = {
  resend: percent('resend'),
  garbage: percent('garbage'),
  skew(value) {
    const seconds = numberIn(value, /^-?\d{1,5}$/);
    if (seconds === undefined || Math.abs(seconds) > LONGEST_SKEW_S)
      return `skew needs whole seconds up to ${LONGEST_SKEW_S}, such as skew:180`;
    return { skewMs: seconds * 1000 };
  },
  silence(value) {
    const share = numberIn(value, /^\d(\.\d+)?$/);
    return share === undefined || share > 1
      ? 'silence needs a share from 0 to 1, such as silence:0.1'
      : { silence: share };
  },
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

function percent(name: 'resend' | 'garbage'): Reader {
  return (value) => {
    const found = numberIn(value, /^\d{1,3}(\.\d+)?$/);
    if (found === undefined || found > 100) return `${name} needs a percentage from 0 to 100, such as ${name}:5`;
    return { [name]: found / 100 };
  };
}

function alone(name: 'reboot' | 'flood'): Reader {
  return (value) => (value === undefined ? { [name]: true } : `${name} takes no value`);
}

function numberIn(value: string | undefined, form: RegExp): number | undefined {
  return value !== undefined && form.test(value) ? Number(value) : undefined;
}
