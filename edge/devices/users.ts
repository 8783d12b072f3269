/**
 * The users of `mqtt.users` and what each may do: publish as its devices, and what needs a permission of its own. The
 * anonymous client has every permission; where a user is asked for, `undefined` stands for it.
 */
import { maskCardData } from '../contracts/card-data.ts';
import { type PasswordHash, parsePasswordHash } from '../contracts/password-hash.ts';

/**
 * `consent`: publish readings of that kind, and erase a shopper. `alerts`, `offers`: subscribe to what is under `out/`
 * by that name. `claims`: ask at a till whether an offer may be redeemed.
 */
export type Permission = 'consent' | 'offers' | 'alerts' | 'claims';

/** An entry of `mqtt.users`. */
export interface UserEntry {
  readonly name: string;
  readonly password_hash: string;
  /** Default: one device, with the name of the user. */
  readonly devices?: readonly string[] | undefined;
  readonly may?: readonly Permission[] | undefined;
}

export interface User {
  readonly name: string;
  readonly hash: PasswordHash;
  readonly devices: ReadonlySet<string>;
  readonly may: ReadonlySet<Permission>;
}

/** Devices are known by the names that routes give them (topics.ts). Throws when a hash is none: the configuration was not checked then. */
export function usersByName(entries: readonly UserEntry[]): ReadonlyMap<string, User> {
  const users = new Map<string, User>();
  for (const { name, password_hash, devices = [name], may = [] } of entries) {
    const hash = parsePasswordHash(password_hash);
    if (hash === undefined) throw new Error(`the password_hash of ${name} is none`);
    users.set(name, { name, hash, devices: new Set(devices.map((device) => maskCardData(device))), may: new Set(may) });
  }
  return users;
}

export function mayPublish(user: User | undefined, kind: string, device: string): boolean {
  if (user === undefined) return true;
  return user.devices.has(device) && (kind !== 'consent' || user.may.has('consent'));
}

/** What under `out/` needs a permission; `out/hub/status` is for everyone. */
const PROTECTED = [
  ['alerts', ['out', 'alerts']],
  ['offers', ['out', 'offers']],
] as const;

/** Whether everything that a filter (or a topic) matches may be read. What anonymous clients say to each other is for all. */
export function mayRead(user: User | undefined, filter: string): boolean {
  if (user === undefined) return true;
  const levels = filter.split('/');
  return PROTECTED.every(([permission, root]) => user.may.has(permission) || !reachesUnder(levels, root));
}

/** Whether the filter matches `root` or any topic below it. */
function reachesUnder(filter: readonly string[], root: readonly string[]): boolean {
  for (const [index, name] of root.entries()) {
    const level = filter[index];
    if (level === '#') return true;
    if (level !== '+' && level !== name) return false;
  }
  return true;
}
