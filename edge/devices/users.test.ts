import { describe, expect, test } from 'vitest';
import { mayPublish, mayRead, type Permission, type User, usersByName } from './users.ts';

/** Of no password. */
const password_hash = '$scrypt$ln=10,r=8,p=1$c2FsdCBmb3IgYSB0ZXN0$dGhpcyBpcyBubyBoYXNoIG9mIGFueSBwYXNzd29yZCAh';

function user(may: readonly Permission[] = [], devices?: readonly string[]): User {
  const found = usersByName([{ name: 'gate', password_hash, may, devices }]).get('gate');
  if (found === undefined) throw new Error('no user');
  return found;
}

describe('a user publishes', () => {
  test('as the device of its own name, or as those that are listed and no other', () => {
    expect(mayPublish(user(), 'shelf', 'gate')).toBe(true);
    expect(mayPublish(user(), 'shelf', 'till-1')).toBe(false);
    expect(mayPublish(user([], ['a', 'b']), 'shelf', 'b')).toBe(true);
    expect(mayPublish(user([], ['a', 'b']), 'shelf', 'gate')).toBe(false);
  });

  test('consent only with that permission, and the anonymous client everything', () => {
    expect(mayPublish(user(['offers', 'alerts']), 'consent', 'gate')).toBe(false);
    expect(mayPublish(user(['consent']), 'consent', 'gate')).toBe(true);
    expect(mayPublish(user(['consent']), 'consent', 'other')).toBe(false);
    expect(mayPublish(undefined, 'consent', 'anything')).toBe(true);
  });
});

describe('a user reads', () => {
  const alerts = [
    'out/alerts',
    'out/alerts/#',
    'out/alerts/shelf-gap/A1',
    'out/+/shelf-gap/A1',
    '+/alerts/#',
    'out/alerts/+',
  ];
  const offers = ['out/offers/zone/beverages', 'out/offers/#', 'out/offers/shopper/+', 'out/+/zone/+', 'out/offers'];
  const both = ['#', 'out/#', '+/#', '+/+/#', 'out/+', '+/+', 'out/+/#'];
  const free = ['out/hub/status', 'out/hub/#', 'out/hub/+', 'out', 'else/#', 'out/alertsandmore', 'out/hub'];

  test.each<[readonly Permission[], string[], string[]]>([
    [[], free, [...alerts, ...offers, ...both]],
    [['alerts'], [...free, 'out/alerts/#', 'out/alerts/shelf-gap/A1'], [...offers, ...both]],
    [['offers'], [...free, 'out/offers/#', 'out/offers/shopper/+'], [...alerts, ...both]],
    [['alerts', 'offers'], [...free, ...alerts, ...offers, ...both], []],
  ])('with %j what it may, and no filter that would reach more', (may, granted, refused) => {
    expect(granted.filter((filter) => !mayRead(user(may), filter))).toEqual([]);
    expect(refused.filter((filter) => mayRead(user(may), filter))).toEqual([]);
  });
});
