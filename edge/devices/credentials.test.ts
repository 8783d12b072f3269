import { pino } from 'pino';
import { beforeEach, describe, expect, test } from 'vitest';
import { formatPasswordHash, parsePasswordHash } from '../contracts/password-hash.ts';
import { hashPassword } from '../ops/passwords.ts';
import { type Claim, Credentials } from './credentials.ts';
import { testUser } from './users.fixture.ts';

let clock: number;
let lines: string[];
let credentials: Credentials;

beforeEach(() => {
  clock = 0;
  lines = [];
  const logger = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) });
  credentials = new Credentials({ users: [testUser('ada'), testUser('bob')], logger, now: () => clock });
});

const claim = (name: string, password: string, more: Partial<Claim> = {}): Claim => ({
  name,
  password: Buffer.from(password),
  address: '10.0.0.7',
  wanted: () => true,
  ...more,
});
const check = async (...about: Parameters<typeof claim>) => (await credentials.check(claim(...about))).is;

describe('a name and its password', () => {
  test('are right together, and in no other way', async () => {
    expect(await credentials.check(claim('ada', 'ada password'))).toMatchObject({ is: 'user', user: { name: 'ada' } });
    for (const [name, password] of [
      ['ada', 'bob password'],
      ['ada', 'ada password '],
      ['ada', ''],
      ['eve', 'ada password'],
      ['', ''],
      ['__proto__', 'x'],
    ] as const) {
      expect(await check(name, password, { address: name + password }), `${name}/${password}`).toBe('wrong');
    }
  });

  test('with the hash that the command prints', async () => {
    const password_hash = await hashPassword('grüße an alle');
    expect(password_hash).toMatch(/^\$scrypt\$ln=15,r=8,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    credentials = new Credentials({ users: [{ name: 'ada', password_hash }], logger: pino({ level: 'silent' }) });
    expect(await check('ada', 'grüße an alle')).toBe('user');
    expect(await check('ada', 'gruesse an alle')).toBe('wrong');
  });

  test('are computed once in ten minutes, however often and at the same time they come', async () => {
    const together = await Promise.all(Array.from({ length: 50 }, () => check('ada', 'ada password')));
    expect(new Set(together)).toEqual(new Set(['user']));
    clock = 599_000;
    expect(await check('ada', 'ada password')).toBe('user');
    expect(credentials.counters.computed).toBe(1);
    clock = 601_000;
    expect(await check('ada', 'ada password')).toBe('user');
    expect(credentials.counters.computed).toBe(2);
  });

  test('that are remembered do not let another password in', async () => {
    await check('ada', 'ada password');
    expect(await check('ada', 'ada passwore')).toBe('wrong');
    expect(await check('ad', 'aada password')).toBe('wrong');
  });
});

describe('whoever guesses', () => {
  test('costs the same for a name that is none', async () => {
    await check('eve', 'guess');
    await check('ada', 'guess');
    expect(credentials.counters).toMatchObject({ computed: 2, wrong: 2 });
  });

  test('waits after ten failures in a minute, also with the right password, and a neighbour does not', async () => {
    for (let i = 0; i < 10; i += 1) expect(await check('ada', `guess ${i}`)).toBe('wrong');
    clock = 30_000;
    expect(await credentials.check(claim('ada', 'ada password'))).toEqual({ is: 'later', afterMs: 30_000 });
    expect(credentials.counters.computed).toBe(10);
    expect(await check('ada', 'ada password', { address: '10.0.0.8' })).toBe('user');
    expect(await check('ada', 'ada password', { address: '::ffff:10.0.0.7' })).toBe('later');
    clock = 60_000;
    expect(await check('ada', 'ada password')).toBe('user');
  });

  test('keeps out itself alone, and its network of IPv6 only when that was wrong eight times as often', async () => {
    const from = (host: number) => ({ address: `2001:db8::${host.toString(16)}` });
    for (let i = 0; i < 10; i += 1) await check('ada', 'guess', from(1));
    expect(await check('ada', 'ada password', from(1))).toBe('later');
    expect(await check('ada', 'ada password', from(2))).toBe('user');
    for (let i = 0; i < 70; i += 1) await check('ada', 'guess', from(100 + i));
    expect(await check('ada', 'ada password', from(2))).toBe('later');
    expect(await check('ada', 'ada password', { address: '2001:db8:0:1::1' })).toBe('user');
  });

  test('gets no more than ten computed, although a hundred came at once', async () => {
    const verdicts = await Promise.all(Array.from({ length: 100 }, (_, i) => check('ada', `guess ${i}`)));
    expect(verdicts.filter((verdict) => verdict === 'wrong').length).toBeLessThanOrEqual(11);
    expect(credentials.counters.computed).toBeLessThanOrEqual(11);
    expect(await check('bob', 'bob password', { address: '10.0.0.9' })).toBe('user');
  });

  test('is in the log by address and user, never with the password, and not without end', async () => {
    for (let i = 0; i < 30; i += 1) await check('ada', 'sesame open', { address: `10.0.1.${i}`, client: 'till-1' });
    expect(lines.length).toBeLessThanOrEqual(10);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ address: '10.0.1.0', user: 'ada', client: 'till-1' });
    expect(lines.join('')).not.toContain('sesame');
  });
});

test('a full line is told to come back, and whoever has gone is not computed', async () => {
  const far = (i: number) => ({ address: `10.${i >> 8}.${i & 255}.1` });
  let here = true;
  const leaving = Array.from({ length: 600 }, (_, i) => check('ada', `guess ${i}`, { ...far(i), wanted: () => here }));
  expect(await check('bob', 'bob password', far(999))).toBe('later');
  here = false;
  const verdicts = await Promise.all(leaving);
  expect(verdicts.filter((verdict) => verdict === 'gone').length).toBeGreaterThan(500);
  expect(credentials.counters.computed).toBeLessThan(5);
  expect(await check('bob', 'bob password')).toBe('user');
});

test('hashes that are weak, hungry or no hashes are refused', () => {
  const good = '$scrypt$ln=15,r=8,p=1$c2FsdCBmb3IgYSB0ZXN0$dGhpcyBpcyBubyBoYXNoIG9mIGFueSBwYXNzd29yZCAh';
  const parsed = parsePasswordHash(good);
  expect(parsed && formatPasswordHash(parsed)).toBe(good);
  for (const text of [
    '',
    'secret',
    good.replace('15', '9'),
    good.replace('15', '20'),
    good.replace('p=1', 'p=9'),
    `${good}=`,
  ]) {
    expect(parsePasswordHash(text), text).toBeUndefined();
  }
});
