import { expect, test } from 'vitest';
import { BatchSize } from './batch-size.ts';

const QUICK = { ms: 100, deadline: 24_000, wireBytes: 400_000 };

test('a batch that fails is halved by what it had, until one gets through, and no further', () => {
  const size = new BatchSize();
  size.failed({ events: 240, bytes: 1_200_000 });
  expect(size.limits).toMatchObject({ events: 120, bytes: 600_000 });
  for (let n = 0; n < 20; n += 1) size.failed({ events: 120, bytes: 600_000 });
  expect(size.limits).toMatchObject({ events: 16, bytes: 12_000 });
});

test('it grows only while there is time to spare', () => {
  const size = new BatchSize();
  const batch = { events: 1_000, bytes: 600_000 };
  size.failed(batch);
  const slow = { ms: 10_000, deadline: 24_000, wireBytes: 400_000 };
  size.succeeded(batch, slow);
  expect(size.limits.events).toBe(500);
  size.succeeded(batch, { ...slow, ms: 20_000 });
  expect(size.limits.events).toBe(250);
  for (let n = 0; n < 20; n += 1) size.succeeded(batch, QUICK);
  expect(size.limits).toMatchObject({ events: 8_000, bytes: 6_000_000 });
});

test('parts stay as small as a topic needs, for an hour', () => {
  let now = 0;
  const size = new BatchSize(() => now);
  const { partBytes } = size.limits;
  size.tooLarge(300_000);
  expect(size.limits.partBytes).toBe(150_000);
  size.succeeded({ events: 10, bytes: 10_000 }, QUICK);
  expect(size.limits.partBytes).toBe(150_000);
  now = 60 * 60_000 + 1;
  expect(size.limits.partBytes).toBe(partBytes);
});

test('a thin line is known by a batch that is large enough to tell', () => {
  const size = new BatchSize();
  const batch = { events: 8_000, bytes: 4_000_000 };
  size.succeeded(batch, { ms: 300, deadline: 24_000, wireBytes: 5_000 });
  expect(size.limits.isThinLine).toBe(false);
  size.succeeded(batch, { ms: 3_000, deadline: 24_000, wireBytes: 300_000 });
  expect(size.limits.isThinLine).toBe(true);
  size.succeeded(batch, QUICK);
  expect(size.limits.isThinLine).toBe(false);
});
