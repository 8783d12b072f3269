/** What liveness finds out becomes events, in the transaction in which it is remembered. */
import type { DeviceConfig } from './contracts/devices.ts';
import type { EventType } from './contracts/events.ts';
import type { Now } from './journal/elapsed-clock.ts';
import type { Remembered } from './journal/remembered.ts';
import { deviceHealth } from './rules/device-health.ts';
import { type HeardDevice, type KnownLiveness, Liveness, type LivenessNews } from './sensing/liveness.ts';

/** Under this kind is remembered how a configured device was last known to be. */
export const LIVENESS = 'liveness';
/** The source of what the hub itself says about devices. */
const SOURCE = 'devices';

/** What of the bookkeeper's it concerns. */
interface Books {
  readonly now: Now;
  readonly liveness: Liveness;
  readonly remembered: Remembered;
  readonly options: { readonly devices: readonly DeviceConfig[] };
  readonly alerts: { open(): readonly { readonly rule: string; readonly subject: string }[] };
  journal(type: EventType, source: string, subject: string, data: Record<string, unknown>): void;
}

export function livenessOf(devices: readonly DeviceConfig[], remembered: Remembered): Liveness {
  return new Liveness(devices, {
    recall: (device) => remembered.get(LIVENESS, device) as KnownLiveness | undefined,
    remember: (device, known) => remembered.set(LIVENESS, device, known),
  });
}

/** Configured devices were heard. `canTell`: facts can be stored now. */
export function hearDevices(books: Books, devices: readonly HeardDevice[], canTell: boolean): void {
  for (const device of devices) {
    const news = books.liveness.heard(device, books.now.elapsed, canTell);
    const isBack = canTell && comesBack(books, device.device) && !news.some(({ is }) => is === 'back');
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
  tell(books, books.liveness.due(books.now.elapsed));
}

/** At start: devices that are no longer configured (`said`: JSON of the names before) are not waited for. */
export function forgetDevices(books: Books, said: string): void {
  const now = new Set(books.options.devices.map(({ name }) => name));
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
    } else {
      const since = new Date(books.now.wall - one.quietMs).toISOString();
      const expected_s = Math.round(one.expectedMs / 1000);
      books.journal('retail.devices.silent.v1', SOURCE, device, { device, since, expected_s });
    }
  }
}
