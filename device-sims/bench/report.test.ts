import { describe, expect, test } from 'vitest';
import { type Line, median, table, verdict } from './report.ts';

describe('the verdict on a line', () => {
  const rate: Line = {
    what: 'sales',
    unit: '/s',
    measured: 50_000,
    baseline: 125_000,
    atLeast: { ratio: 0.3, value: 30_000 },
    wanted: { ratio: 0.5 },
  };
  const time: Line = { what: 'alert', unit: 'ms', measured: 4, atLeast: { value: 5 }, wanted: { value: 3 } };

  test('a rate needs both its share of the baseline and its own figure', () => {
    expect(verdict(rate)).toBe('yes');
    expect(verdict({ ...rate, measured: 70_000 })).toBe('yes, as wanted');
    expect(verdict({ ...rate, baseline: 200_000 })).toBe('NO');
    expect(verdict({ ...rate, measured: 29_000, baseline: 60_000 })).toBe('NO');
  });

  test('a time must be small', () => {
    expect(verdict(time)).toBe('yes');
    expect(verdict({ ...time, measured: 3 })).toBe('yes, as wanted');
    expect(verdict({ ...time, measured: 5.1 })).toBe('NO');
  });

  test('of a size, the share of the baseline must be small', () => {
    const size: Line = {
      what: 'sent',
      unit: 'kB',
      measured: 7,
      baseline: 100,
      atLeast: { ratio: 0.12 },
      wanted: { ratio: 0.08 },
    };
    expect(verdict(size)).toBe('yes, as wanted');
    expect(verdict({ ...size, measured: 10 })).toBe('yes');
    expect(verdict({ ...size, measured: 13 })).toBe('NO');
  });

  test('a share without its baseline is not reached, and a line without a bar has no verdict', () => {
    const { baseline: _, ...alone } = rate;
    expect(verdict(alone)).toBe('NO');
    expect(verdict({ what: 'memory', unit: 'MiB', measured: 90 })).toBe('');
  });

  test('the table shows every line with its ratio', () => {
    const text = table([rate, time]);
    expect(text.split('\n')).toHaveLength(4);
    expect(text).toContain('0.40');
    expect(text).toContain('x 0.3, 30,000 /s');
  });
});

test('the median of an even number of values lies between the middle two', () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([9, 1, 5])).toBe(5);
});
