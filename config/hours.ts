/** When the store is open: `week: { mon-fri: 08:00-20:00 }`, and days on which it is otherwise. */
import { z } from 'zod';
import type { OpeningHours, OpenSpan } from '../edge/contracts/opening-hours.ts';
import { day, shown } from './values.ts';

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
const DAY_MINUTES = 1440;

const NAME = DAYS.join('|');
const FORM = new RegExp(`^(${NAME})(?:-(${NAME}))?$`);
const TIME = '(?:[01]\\d|2[0-3]):[0-5]\\d';
const SPAN = `(${TIME})-(${TIME}|24:00)`;

function wrongSpan(issue: { readonly input?: unknown }): string {
  return `must be times such as 08:00-20:00, several with a comma between them, or closed, not ${shown(issue.input)}`;
}

const open = z
  .string({ error: wrongSpan })
  .regex(new RegExp(`^(closed|${SPAN}(, ?${SPAN})*)$`), { error: wrongSpan })
  .transform((text, context): readonly OpenSpan[] => {
    const spans = [...text.matchAll(new RegExp(SPAN, 'g'))].map(([, opens = '', closes = '']): OpenSpan => {
      const [from, until] = [minutes(opens), minutes(closes)];
      return { from, until: until <= from ? until + DAY_MINUTES : until };
    });
    if (spans.some(({ from }, index) => from < (spans[index - 1]?.until ?? 0)))
      context.addIssue({ code: 'custom', message: 'must be in order, without overlap' });
    return spans;
  });

const dayNames = z.string().regex(FORM, { error: 'must be a day or days: mon, tue, wed, thu, fri, sat, sun, mon-fri' });

export const hoursSchema = z
  .strictObject({
    week: z.record(dayNames, open).describe('days -> times, such as mon-fri: 08:00-20:00; what is not named is closed'),
    except: z
      .record(day(), open)
      .prefault({})
      .describe('date -> times on that day, such as 2026-12-24: 08:00-14:00, or closed'),
  })
  .transform(({ week, except }, context): OpeningHours => {
    const days: (readonly OpenSpan[] | undefined)[] = DAYS.map(() => undefined);
    for (const [name, spans] of Object.entries(week)) {
      for (const index of daysOf(name)) {
        if (days[index] !== undefined)
          context.addIssue({ code: 'custom', path: ['week', name], message: `${DAYS[index]} is there already` });
        days[index] = spans;
      }
    }
    // Who is quiet while it is closed would never be missed.
    if (![...days, ...Object.values(except)].some((spans) => spans !== undefined && spans.length > 0))
      context.addIssue({ code: 'custom', path: ['week'], message: 'must have a day on which the store opens' });
    return { week: days.map((spans) => spans ?? []), except };
  });

function minutes(time: string): number {
  const [hour = 0, minute = 0] = time.split(':').map(Number);
  return hour * 60 + minute;
}

function daysOf(name: string): number[] {
  const [first, last] = name.split('-').map((one) => DAYS.indexOf(one as (typeof DAYS)[number]));
  if (first === undefined || last === undefined) return first === undefined ? [] : [first];
  return Array.from({ length: ((last - first + 7) % 7) + 1 }, (_, index) => (first + index) % 7);
}
