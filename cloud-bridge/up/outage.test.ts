import { pino } from 'pino';
import { beforeEach, expect, test } from 'vitest';
import { Outage } from './outage.ts';

let lines: { level: number; fault?: string; msg: string; seconds?: number; attempts?: number }[];
let outage: Outage;

beforeEach(() => {
  lines = [];
  const logger = pino({ level: 'info' }, { write: (line: string) => lines.push(JSON.parse(line)) });
  outage = new Outage(logger);
});

const cut = { code: 'cut', words: 'the line is cut' };
const silent = { code: 'no-answer', words: 'nobody answers' };

test('each fault of an outage is told once, and its end', () => {
  for (const [n, fault] of [cut, cut, silent, cut, silent].entries()) outage.failed(fault, new Error('x'), n * 1_000);
  outage.over(34_000);
  outage.over(35_000);
  expect(lines.map(({ msg }) => msg)).toEqual([
    'off line: the line is cut',
    'off line: nobody answers',
    'head office is in reach again',
  ]);
  expect(lines.at(-1)).toMatchObject({ seconds: 34, attempts: 5 });
});

test('the next outage is told again, and a long one each hour', () => {
  outage.failed(cut, new Error('x'), 0);
  outage.over(10);
  outage.failed(cut, new Error('x'), 20);
  outage.failed(cut, new Error('x'), 60 * 60_000);
  outage.failed(cut, new Error('x'), 60 * 60_000 + 21);
  expect(lines.filter(({ fault }) => fault === 'cut')).toHaveLength(3);
});
