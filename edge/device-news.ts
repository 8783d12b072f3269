/** What liveness finds out becomes events, in the transaction in which it is remembered. */
import type { DeviceConfig } from './contracts/devices.ts';
import type { EventType } from './contracts/events.ts';
import type { OpeningHours } from './contracts/opening-hours.ts';
import { sharedWays, watchedDevice } from './device-ways.ts';
import type { Now } from './journal/elapsed-clock.ts';
import type { Remembered } from './journal/remembered.ts';
import { openAt } from './opening-hours.ts';
import { deviceHealth } from './rules/device-health.ts';
import { type HeardDevice, type KnownLiveness, Liveness, type LivenessNews } from './sensing/liveness.ts';

/** Under this kind is remembered how a configured device was last known to be. */
export const LIVENESS = 'liveness';
/** The source of what the hub itself says about devices. */
const SOURCE = 'devices';

interface Shop {
  readonly devices: readonly DeviceConfig[];
  readonly hours?: OpeningHours | undefined;
  readonly timezone: string;
}

/** What of the bookkeeper's it concerns. */
interface Books {
  readonly now: Now;
  readonly liveness: Liveness;
  readonly remembered: Remembered;
  readonly options: { readonly devices: readonly DeviceConfig[] };
  readonly alerts: { open(): readonly { readonly rule: string; readonly subject: string }[] };
  journal(type: EventType, source: string, subject: string, data: Record<string, unknown>): void;
}

export function livenessOf({ devices, hours, timezone }: Shop, remembered: Remembered): Liveness {
  const memory = {
    recall: (device: string) => remembered.get(LIVENESS, device) as KnownLiveness | undefined,
    remember: (device: string, known: KnownLiveness | null) => remembered.set(LIVENESS, device, known),
  };
  return new Liveness(devices.map(watchedDevice), memory, hours && openAt(hours, timezone));
}

/** Whoever may be silent, by name: a way is, too. */
export function watchedNames(devices: readonly DeviceConfig[]): string[] {
  return [...devices, ...sharedWays(devices)].map(({ name }) => name);
}

/** Configured devices were heard. `canTell`: facts can be stored now. */
export function hearDevices(books: Books, devices: readonly HeardDevice[], canTell: boolean): void {
  for (const device of devices) {
    const news = books.liveness.heard(device, books.now.elapsed, books.now.wall, canTell);
    const isTold = news.some((one) => one.is === 'back' && one.device === device.device);
    const isBack = canTell && comesBack(books, device.device) && !isTold;
    tell(books, isBack ? [{ is: 'back', device: device.device }, ...news] : news);
  }
}

/** Whether it said that it goes off line, and has spoken since: not every device says that it is there again. */
function comesBack({ remembered }: Books, device: string): boolean {
  const status = remembered.get('status', device) as { readonly online: boolean } | undefined;
  if (status?.online !== false) return false;
  remembered.set('status', device, { ...status, online: true });
  return true;
}

/** Whoever fell silent until now. */
export function lookAtDevices(books: Books): void {
  tell(books, books.liveness.due(books.now.elapsed, books.now.wall));
}

/** At start: devices that are no longer configured (`said`: JSON of the names before) are not waited for. */
export function forgetDevices(books: Books, said: string): void {
  const now = new Set(watchedNames(books.options.devices));
  const gone = (JSON.parse(said) as string[]).filter((device) => !now.has(device));
  for (const device of gone) books.remembered.set(LIVENESS, device, null);
  // Nobody hears any more of those behind a gateway that is gone, so nothing else would end their alerts.
  const behind = gone.length === 0 ? [] : books.alerts.open().filter(({ rule }) => rule === deviceHealth.name);
  const silenced = behind
    .map(({ subject }) => subject)
    .filter((one) => gone.some((name) => one.startsWith(`${name}.`)));
  for (const device of new Set([...gone, ...silenced]))
    if (!now.has(device)) books.journal('local.devices.changed.v1', 'config', device, { device });
}

function tell(books: Books, news: readonly LivenessNews[]): void {
  for (const one of news) {
    const { device } = one;
    if (one.is === 'back') books.journal('retail.devices.seen.v1', SOURCE, device, { device, online: true });
    else if (one.is === 'clock') {
      const { seconds, off } = one;
      books.journal('retail.devices.clock.v1', SOURCE, device, { device, seconds, off });
    } else if (one.is === 'folded') {
      books.journal('local.devices.changed.v1', SOURCE, device, { device, into: one.into });
    } else {
      const since = new Date(books.now.wall - one.quietMs).toISOString();
      const expected_s = Math.round(one.expectedMs / 1000);
      const { work, behind } = one;
      const more = { ...(work && { at_work: true }), ...(behind !== undefined && { behind }) };
      books.journal('retail.devices.silent.v1', SOURCE, device, { device, since, expected_s, ...more });
    }
  }
}
