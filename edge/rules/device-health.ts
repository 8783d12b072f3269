/**
 * Device health: one alert for each device that needs somebody, whatever is wrong with it. It tells of everything that
 * is wrong at once, the worst first, and what to do about it; it ends when all of it is well again.
 *
 *   silent, or off line by its own word .... until it is heard
 *   comes and goes more often than 4 times in an hour .... one alert, until it stayed as it was for an hour
 *   an antenna of a reader reads nothing ... until it does, or its reader says that it is connected
 *   battery at 15 % or below ............... until it is at 20 % or above
 *   clock wrong ............................ until it is right
 *   counter began anew, or jumped .......... for 4 hours
 *   ended by staff ......................... silent about what they know, until it is well or something else is wrong
 *   the way to it is silent ................ its own silence is over, reason folded: one alert for the way
 *   no longer in the configuration ......... closed, reason configuration
 *
 * Devices that nobody configured have no alert: they are shown with what they send (device-register.ts).
 */
import { hasEnded } from '../contracts/alerts.ts';
import { commandFor, type LiveAlert, move, raise } from './alert-life.ts';
import { type AntennaFault, type DeviceTroubles, type Trouble, whatIsWrong } from './device-words.ts';
import { type Decision, isWake, type Rule, type RuleEvent, type RuleTime, type Step, type Views } from './rule.ts';

const NAME = 'device-health';
const REMIND_MS = 24 * 3_600_000;
const HOUR_MS = 3_600_000;
const MOST_GOES = 4;
const RESET_MS = 4 * HOUR_MS;
const LOW = 15;
const GOOD = 20;

export interface DeviceHealthState extends DeviceTroubles {
  readonly alert?: LiveAlert;
  /** What the alert tells of. */
  readonly told?: readonly Trouble[];
  /** When (elapsed) a snoozed or acknowledged alert is opened again. */
  readonly reopenAt?: number;
  /** When (elapsed) it went, within the last hour. */
  readonly goes?: readonly number[];
  /** What staff know of, and called done. */
  readonly hushed?: readonly Trouble[];
}

export const deviceHealth: Rule<DeviceHealthState> = {
  name: NAME,
  version: 1,
  subscribes: [
    'retail.devices.silent.v1',
    'retail.devices.seen.v1',
    'retail.devices.antenna.v1',
    'retail.devices.clock.v1',
    'retail.devices.counterreset.v1',
    'local.devices.changed.v1',
    'local.command.alert.v1',
  ],
  initial: {},
  adopt: (alert) => ({ alert }),
  keyOf: (event, views) => {
    if (event.type === 'local.command.alert.v1') return event.data.rule === NAME ? event.subject : undefined;
    const device = String(event.data.device);
    if (event.type === 'local.devices.changed.v1') return device;
    // Whoever may publish may invent names, and staff look after those of the shop.
    return event.history || views.device(device) === undefined ? undefined : device;
  },
  step: (state, input, views, now, device) => {
    if (isWake(input)) return settle(expired(state, now), views, now, device, []);
    if (input.type === 'local.devices.changed.v1')
      return input.data.into === undefined
        ? close(state, now)
        : settle(folded(state), views, now, device, [], 'folded');
    if (input.type === 'local.command.alert.v1') {
      const [obeyed, decisions] = obey(state, input, now);
      return settle(obeyed, views, now, device, decisions);
    }
    return settle(expired(heard(state, input, now), now), views, now, device, []);
  },
};

function heard(state: DeviceHealthState, { type, data }: RuleEvent, now: RuleTime): DeviceHealthState {
  switch (type) {
    case 'retail.devices.silent.v1':
      return gone(state, silenceOf(data), now);
    case 'retail.devices.antenna.v1':
      return antenna(state, data);
    case 'retail.devices.clock.v1': {
      const { clock: _, ...right } = state;
      return data.off === true ? { ...right, clock: Number(data.seconds) } : right;
    }
    case 'retail.devices.counterreset.v1': {
      // A wrap is how such counters are.
      if (data.wrapped === true) return state;
      const [from, to] = [Number(data.from), Number(data.to)];
      return { ...state, reset: { from, to, jumped: data.jumped === true, until: now.elapsed + RESET_MS } };
    }
    default:
      return seen(state, data, now);
  }
}

function antenna(state: DeviceHealthState, data: RuleEvent['data']): DeviceHealthState {
  const { antennas = {}, ...rest } = state;
  const name = typeof data.antenna === 'number' ? String(data.antenna) : '';
  const { [name]: _, ...others } = antennas;
  if (data.state === 'connected') return Object.keys(others).length === 0 ? rest : { ...rest, antennas: others };
  const fault: AntennaFault = {
    ...(typeof data.zone === 'string' && { zone: data.zone }),
    ...(typeof data.items === 'number' && { items: data.items }),
  };
  return { ...rest, antennas: { ...others, [name]: fault } };
}

/** It was not the device after all: what it was blamed for is taken back. */
function folded(state: DeviceHealthState): DeviceHealthState {
  const { silent: _, goes = [], ...rest } = state;
  return { ...rest, ...(goes.length > 1 && { goes: goes.slice(0, -1) }) };
}

function silenceOf({ since, expected_s, at_work, behind }: RuleEvent['data']): NonNullable<DeviceTroubles['silent']> {
  return {
    since: String(since),
    expected_s: Number(expected_s),
    ...(at_work === true && { at_work }),
    ...(typeof behind === 'number' && { behind }),
  };
}

function seen(state: DeviceHealthState, data: RuleEvent['data'], now: RuleTime): DeviceHealthState {
  const { battery, ...charged } = state;
  const percent = typeof data.battery_percent === 'number' ? data.battery_percent : undefined;
  const isLow = percent !== undefined && (percent <= LOW || (battery !== undefined && percent < GOOD));
  const powered = percent === undefined ? state : isLow ? { ...charged, battery: percent } : charged;
  if (data.online === false) return gone(powered, { since: new Date(now.wall).toISOString() }, now);
  if (powered.silent === undefined) return powered;
  const { silent: _, ...back } = powered;
  return back.flapping === undefined ? back : { ...back, flapping: now.elapsed + HOUR_MS };
}

function gone(
  state: DeviceHealthState,
  silent: NonNullable<DeviceTroubles['silent']>,
  now: RuleTime,
): DeviceHealthState {
  if (state.silent !== undefined) return state;
  const goes = [...(state.goes ?? []).filter((at) => at > now.elapsed - HOUR_MS), now.elapsed].slice(-MOST_GOES - 1);
  const isRestless = goes.length > MOST_GOES || state.flapping !== undefined;
  return { ...state, silent, goes, ...(isRestless && { flapping: now.elapsed + HOUR_MS }) };
}

/** Without what is over by now. */
function expired(state: DeviceHealthState, { elapsed }: RuleTime): DeviceHealthState {
  const { flapping, reset, goes, ...rest } = state;
  const recent = (goes ?? []).filter((at) => at > elapsed - HOUR_MS);
  return {
    ...rest,
    ...(recent.length > 0 && { goes: recent }),
    ...(flapping !== undefined && flapping > elapsed && { flapping }),
    ...(reset !== undefined && reset.until > elapsed && { reset }),
  };
}

function close(state: DeviceHealthState, now: RuleTime): Step<DeviceHealthState> {
  if (!state.alert) return { state: {}, decisions: [] };
  return { state: {}, decisions: [move(state.alert, 'resolved', now, { reason: 'configuration' })[1]] };
}

/** Staff acted on the alert. */
function obey(state: DeviceHealthState, event: RuleEvent, now: RuleTime): [DeviceHealthState, Decision[]] {
  const command = commandFor(state.alert, event);
  if (!command || !state.alert) return [state, []];
  const [alert, decision] = move(state.alert, command.state, now, command);
  if (hasEnded(alert.state)) {
    const { alert: _, told, reopenAt: __, reset: ___, ...rest } = state;
    return [{ ...rest, ...(told && { hushed: [...new Set([...(state.hushed ?? []), ...told])] }) }, [decision]];
  }
  const wait = alert.state === 'snoozed' ? (command.minutes ?? 0) * 60_000 : REMIND_MS;
  return [{ ...state, alert, reopenAt: now.elapsed + wait }, [decision]];
}

/** Brings the alert to what is wrong now. */
function settle(
  state: DeviceHealthState,
  views: Views,
  now: RuleTime,
  device: string,
  decided: readonly Decision[],
  reason?: string,
): Step<DeviceHealthState> {
  const wrong = troublesOf(state);
  const { hushed: known = [], ...awake } = state;
  // What is well again may be told of anew.
  const hushed = known.filter((trouble) => wrong.includes(trouble));
  const current: DeviceHealthState = hushed.length > 0 ? { ...awake, hushed } : awake;
  const telling = wrong.filter((trouble) => !hushed.includes(trouble));
  const [state_, decision] = tell(current, telling, views, now, device, reason);
  return wakened(state_, decision === undefined ? decided : [...decided, decision]);
}

function tell(
  state: DeviceHealthState,
  telling: readonly Trouble[],
  views: Views,
  now: RuleTime,
  device: string,
  reason: string | undefined,
): [DeviceHealthState, Decision | undefined] {
  const { alert, told = [], reopenAt, ...rest } = state;
  if (telling.length === 0) return alert ? [rest, move(alert, 'resolved', now, { reason })[1]] : [rest, undefined];
  const words = whatIsWrong(device, views, state, telling);
  if (alert === undefined) {
    const [raised, decision] = raise({ id: views.newId(), rule: NAME, subject: device, ...words }, now);
    return [{ ...rest, alert: raised, told: telling }, decision];
  }
  const isNew = telling.some((trouble) => !told.includes(trouble));
  if (isNew) {
    const [open, decision] = move({ ...alert, ...words }, 'open', now, { reason: 'another-fault' });
    return [{ ...rest, alert: open, told: telling }, decision];
  }
  if (reopenAt !== undefined && now.elapsed >= reopenAt) {
    const reason = alert.state === 'snoozed' ? 'snooze-ended' : 'remind';
    const [open, decision] = move({ ...alert, ...words }, 'open', now, { reason });
    return [{ ...rest, alert: open, told: telling }, decision];
  }
  if (telling.length === told.length) return [state, undefined];
  // A part of it is well again: said quietly.
  const [fewer, decision] = move({ ...alert, ...words }, alert.state, now, { reason: 'better' });
  return [{ ...state, alert: fewer, told: telling }, decision];
}

/** The worst first. Who comes and goes is told of as that, whether it is here or away at the moment. */
function troublesOf({ flapping, silent, antennas = {}, battery, clock, reset }: DeviceHealthState): Trouble[] {
  const away: Trouble[] =
    flapping !== undefined
      ? ['flapping']
      : silent === undefined
        ? []
        : [silent.expected_s === undefined ? 'offline' : 'silent'];
  return [
    ...away,
    ...Object.entries(antennas).map(
      ([name, { items }]) => `${items === undefined ? 'antenna' : 'deaf'} ${name}` as const,
    ),
    ...(battery === undefined ? [] : (['battery'] as const)),
    ...(reset === undefined ? [] : (['reset'] as const)),
    ...(clock === undefined ? [] : (['clock'] as const)),
  ];
}

function wakened(state: DeviceHealthState, decisions: readonly Decision[]): Step<DeviceHealthState> {
  const { reopenAt, flapping, reset, goes } = state;
  const last = goes?.at(-1);
  const times = [reopenAt, flapping, reset?.until, last === undefined ? undefined : last + HOUR_MS];
  const wakeAt = Math.min(...times.filter((at) => at !== undefined));
  return { state, decisions, ...(Number.isFinite(wakeAt) && { wakeAt }) };
}
