import { describe, expect, it } from 'vitest';
import { type Alarm, type Episode, type Excuse, match, quantile } from './matching.ts';

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
    const episode = gap(10, 20);
    expect(match([episode], [alarm(12, 20)], rules)).toEqual({
      ...{ episodes: 1, found: 1, missed: 0, false: 0, repeated: 0, excused: 0, brief: 0, calls: 1, staleHours: 0 },
      secondsToFind: [120],
      judged: [{ episode, seconds: 120 }],
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

  it('an alert that is opened again while it stands calls again, but is no second alert', () => {
    const reminder = { ...alarm(12, 20), reopened: 3 };
    expect(match([gap(10, 20)], [reminder], rules)).toMatchObject({ found: 1, repeated: 0, calls: 4 });
  });

  it('what was before the hub could see begins when it can: a gap to find, and an alert to answer for', () => {
    const seen = { ...rules, from: 30 * MINUTE };
    expect(match([gap(10, 20)], [alarm(12, 20)], seen)).toMatchObject({ episodes: 0, calls: 0 });
    expect(match([gap(10, 90)], [alarm(32, 90)], seen)).toMatchObject({ found: 1, secondsToFind: [120] });
    // It stands from a run before; true, it finds at once; not true, it is false as any other.
    expect(match([gap(10, 90)], [alarm(5)], seen)).toMatchObject({ found: 1, secondsToFind: [0] });
    expect(match([], [alarm(5)], seen)).toMatchObject({ false: 1 });
  });

  it('alerts from behind the end of the ledger are not judged', () => {
    expect(match([gap(10)], [alarm(600.5)], rules)).toMatchObject({ found: 1 });
    expect(match([gap(10)], [alarm(602)], rules)).toMatchObject({ found: 0, missed: 1, false: 0, calls: 0 });
  });

  it('judges each subject by itself, whatever the order of what it is given', () => {
    const episodes = [gap(40, 50), gap(10, 20, 'B7'), gap(10, 20)];
    const alarms = [alarm(45, 50), alarm(11, 20), alarm(300, 301, 'B7')];
    expect(match(episodes, alarms, rules)).toMatchObject({ found: 2, missed: 1, false: 1, secondsToFind: [60, 300] });
  });
});

describe('an episode that can be foreseen', () => {
  const excursion = (foretold: number, began: number, ended?: number): Episode => ({
    ...gap(began, ended),
    foretold: foretold * MINUTE,
  });

  it('is found at once by an alert that was raised under its signs, and still stands when it begins', () => {
    expect(match([excursion(60, 90, 200)], [alarm(70, 200)], rules)).toMatchObject({
      ...{ found: 1, missed: 0, false: 0, secondsToFind: [0] },
    });
  });

  it('is not found by one that was raised before there was a sign of it, nor by one that was taken back', () => {
    expect(match([excursion(60, 90, 200)], [alarm(59, 200)], rules)).toMatchObject({ found: 0, missed: 1, false: 1 });
    expect(match([excursion(60, 90, 200)], [alarm(70, 80)], rules)).toMatchObject({ found: 0, missed: 1, false: 1 });
  });

  it('is found once: who called early and calls again repeats, and who flaps before it repeats as well', () => {
    const early = [alarm(70, 120), alarm(130, 200)];
    expect(match([excursion(60, 90, 200)], early, rules)).toMatchObject({ found: 1, repeated: 1 });
    const twice = [alarm(70, 200), alarm(80, 200)];
    expect(match([excursion(60, 90, 200)], twice, rules)).toMatchObject({ found: 1, repeated: 1, secondsToFind: [0] });
  });

  it('of two in a row the first alert finds only the one it foresaw', () => {
    const two = [excursion(60, 90, 100), excursion(140, 150, 200)];
    expect(match(two, [alarm(70)], rules)).toMatchObject({ found: 1, missed: 1 });
  });
});

describe('signs of which nothing came', () => {
  const excuses: readonly Excuse[] = [{ subject: 'A1', from: 60 * MINUTE, ripe: 75 * MINUTE, until: 100 * MINUTE }];
  const excusing = { ...rules, excuses };

  it('excuse one alert that stood when they had lasted long enough: no find, and not false', () => {
    expect(match([], [alarm(65, 90)], excusing)).toMatchObject({ excused: 1, false: 0, found: 0, staleHours: 0 });
    expect(match([], [alarm(90, 100)], excusing)).toMatchObject({ excused: 1, false: 0 });
  });

  it('excuse none before them, none after them, none that was taken back too early, and no other subject', () => {
    for (const one of [alarm(59, 90), alarm(101, 102), alarm(65, 70), alarm(65, 90, 'B7')])
      expect(match([], [one], excusing)).toMatchObject({ excused: 0, false: 1 });
  });

  it('excuse no storm: the second alert is a repeat, and hours beyond them are stale', () => {
    expect(match([], [alarm(65, 80), alarm(85, 90)], excusing)).toMatchObject({ excused: 1, repeated: 1 });
    expect(match([], [alarm(65, 220)], excusing).staleHours).toBeCloseTo(2);
  });
});

it('a quantile is the nearest rank', () => {
  expect(quantile([], 0.5)).toBeUndefined();
  expect(quantile([7], 0.95)).toBe(7);
  expect(quantile([1, 2, 3, 4], 0.5)).toBe(2);
  expect(quantile([1, 2, 3, 4], 0.95)).toBe(4);
});
