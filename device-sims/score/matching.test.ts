import { describe, expect, it } from 'vitest';
import { type Alarm, type Episode, match, quantile } from './matching.ts';

const MINUTE = 60_000;
const rules = { brief: MINUTE, after: MINUTE, until: 600 * MINUTE };
const gap = (began: number, ended?: number, subject = 'A1'): Episode => ({
  subject,
  began: began * MINUTE,
  ...(ended !== undefined && { ended: ended * MINUTE }),
});
const alarm = (raised: number, ended?: number, subject = 'A1'): Alarm => ({
  subject,
  raised: raised * MINUTE,
  ...(ended !== undefined && { ended: ended * MINUTE }),
});

describe('matching alerts with what truly was', () => {
  it('an alert in a gap finds it, and the time to find is from its beginning', () => {
    expect(match([gap(10, 20)], [alarm(12, 20)], rules)).toEqual({
      ...{ episodes: 1, found: 1, missed: 0, false: 0, repeated: 0, brief: 0, staleHours: 0 },
      secondsToFind: [120],
    });
  });

  it('one of another shelf finds nothing', () => {
    expect(match([gap(10, 20)], [alarm(12, 20, 'B7')], rules)).toMatchObject({ found: 0, missed: 1, false: 1 });
  });

  it('one that was raised before the gap began foresaw nothing', () => {
    expect(match([gap(10, 20)], [alarm(9.9, 20)], rules)).toMatchObject({ found: 0, missed: 1, false: 1 });
  });

  it('one that comes when the gap has just ended still found it, one that comes later did not', () => {
    expect(match([gap(10, 20)], [alarm(21, 22)], rules)).toMatchObject({ found: 1, false: 0 });
    expect(match([gap(10, 20)], [alarm(21.1, 22)], rules)).toMatchObject({ found: 0, missed: 1, false: 1 });
  });

  it('the second alert of a gap is a repeat', () => {
    const matched = match([gap(10, 20)], [alarm(12, 13), alarm(15, 20), alarm(18, 20)], rules);
    expect(matched).toMatchObject({ found: 1, repeated: 2, false: 0, secondsToFind: [120] });
  });

  it('an alert that never closes finds one gap, not those that follow', () => {
    expect(match([gap(10, 20), gap(40, 50), gap(70, 80)], [alarm(11)], rules)).toMatchObject({ found: 1, missed: 2 });
  });

  it('an alert for every shelf at opening that stands all day finds nothing', () => {
    expect(match([gap(10, 20), gap(40, 50)], [alarm(0)], rules)).toMatchObject({ found: 0, missed: 2, false: 1 });
  });

  it('an alert every minute finds the gap once, and is wrong all the other times', () => {
    const storm = Array.from({ length: 60 }, (_, minute) => alarm(minute, minute + 0.5));
    expect(match([gap(10, 20)], storm, rules)).toMatchObject({ found: 1, repeated: 11, false: 48 });
  });

  it('a gap of less than a minute is judged neither way, but a second alert for it is a repeat', () => {
    expect(match([gap(10, 10.9)], [], rules)).toMatchObject({ episodes: 0, missed: 0, brief: 1 });
    expect(match([gap(10, 10.9)], [alarm(10.5, 11)], rules)).toMatchObject({ found: 0, false: 0, secondsToFind: [] });
    expect(match([gap(10, 10.9)], [alarm(10.5, 11), alarm(10.8, 11)], rules)).toMatchObject({ repeated: 1 });
  });

  it('a gap that had not ended with the ledger is judged as well', () => {
    expect(match([gap(10)], [], rules)).toMatchObject({ missed: 1 });
    expect(match([gap(10)], [alarm(500)], rules)).toMatchObject({ found: 1, secondsToFind: [490 * 60] });
  });

  it('sums the hours in which alerts stood without a gap', () => {
    expect(match([], [alarm(0, 90)], rules).staleHours).toBeCloseTo(1.5);
    expect(match([gap(10, 20)], [alarm(12, 81)], rules).staleHours).toBeCloseTo(1);
    expect(match([gap(10, 20), gap(51, 60)], [alarm(12, 61)], rules).staleHours).toBeCloseTo(0.5);
    expect(match([gap(10)], [alarm(12)], rules).staleHours).toBe(0);
  });

  it('judges each subject by itself, whatever the order of what it is given', () => {
    const episodes = [gap(40, 50), gap(10, 20, 'B7'), gap(10, 20)];
    const alarms = [alarm(45, 50), alarm(11, 20), alarm(300, 301, 'B7')];
    expect(match(episodes, alarms, rules)).toMatchObject({ found: 2, missed: 1, false: 1, secondsToFind: [60, 300] });
  });
});

it('a quantile is the nearest rank', () => {
  expect(quantile([], 0.5)).toBeUndefined();
  expect(quantile([7], 0.95)).toBe(7);
  expect(quantile([1, 2, 3, 4], 0.5)).toBe(2);
  expect(quantile([1, 2, 3, 4], 0.95)).toBe(4);
});
