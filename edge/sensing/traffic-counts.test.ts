import { describe, expect, it } from 'vitest';
import { dataSchemaOf } from '../contracts/events.ts';
import { senseTraffic } from './traffic-counts.ts';

const MINUTE = 60_000;
const U16 = 65_536;

/** Sensing with its memory and a clock; what it makes of one total after the other. */
function counter(wraps_at?: number) {
  const memory = new Map<string, unknown>();
  let elapsed = 0;
  const says = (body: object, { after = MINUTE, history = false } = {}): object[] => {
    elapsed += after;
    const text = JSON.stringify({ line: 'door', ...body, ...(wraps_at !== undefined && { wraps_at }) });
    const { facts, remember } = senseTraffic(
      { kind: 'traffic', device: 'counter-1', subject: 'door', body: text, history, elapsed },
      { recall: (kind, key) => memory.get(`${kind} ${key}`), facing: () => undefined },
    );
    for (const [kind, key, value] of remember) memory.set(`${kind} ${key}`, value);
    return facts.map(({ type, data }) => {
      const parsed = dataSchemaOf(type).parse(JSON.parse(data)) as object;
      return type === 'retail.traffic.crossed.v1' ? parsed : { type, ...parsed };
    });
  };
  return { says, totals: (total_in: number, total_out: number, more = {}) => says({ total_in, total_out }, more) };
}

const crossed = (entered: number, left: number) => ({ line: 'door', in: entered, out: left });
const broke = (direction: string, from: number, to: number, more: object) => ({
  ...{ type: 'retail.devices.counterreset.v1', device: 'counter-1', line: 'door', direction, from, to },
  ...more,
});

describe('running totals', () => {
  it('are counted over their wrap, which is told of', () => {
    const { totals } = counter(U16);
    expect(totals(65_500, 3)).toEqual([]);
    expect(totals(65_534, 5)).toEqual([crossed(34, 2)]);
    expect(totals(4, 6)).toEqual([broke('in', 65_534, 4, { wrapped: true }), crossed(6, 1)]);
    expect(totals(7, 6)).toEqual([crossed(3, 0)]);
  });

  it('that fall without wrapping begin anew: nothing is invented for the time between', () => {
    const { totals } = counter();
    totals(500, 480);
    expect(totals(3, 2)).toEqual([broke('in', 500, 3, { wrapped: false }), broke('out', 480, 2, { wrapped: false })]);
    expect(totals(5, 2)).toEqual([crossed(2, 0)]);
  });

  it('that fall by more than can have passed did not wrap, though they could', () => {
    const { totals } = counter(U16);
    totals(30_000, 0);
    expect(totals(10, 0)).toEqual([broke('in', 30_000, 10, { wrapped: false })]);
    // After a long silence so many can have passed.
    totals(60_000, 0, { after: 1000 * MINUTE });
    expect(totals(10, 0, { after: 200 * MINUTE })).toEqual([
      broke('in', 60_000, 10, { wrapped: true }),
      crossed(5546, 0),
    ]);
  });

  it('that were set back to 0 at night did not wrap, however long nobody passed', () => {
    const { totals } = counter(U16);
    totals(1500, 1490);
    // Switched off, or silent: after twelve hours all that the wrap would need could have passed.
    expect(totals(1, 0, { after: 720 * MINUTE })).toEqual([
      broke('in', 1500, 1, { wrapped: false }),
      broke('out', 1490, 0, { wrapped: false }),
    ]);
    // It said all night that nobody passed.
    totals(61_000, 0, { after: 1000 * MINUTE });
    for (let i = 0; i < 72; i += 1) expect(totals(61_000, 0, { after: 10 * MINUTE })).toEqual([]);
    expect(totals(1, 0, { after: 10 * MINUTE })).toEqual([broke('in', 61_000, 1, { wrapped: false })]);
  });

  it('that jump by more than can have passed are not believed silently', () => {
    const { totals } = counter();
    totals(100, 100);
    expect(totals(301, 100)).toEqual([broke('in', 100, 301, { wrapped: false, jumped: true })]);
    expect(totals(304, 100)).toEqual([crossed(3, 0)]);
    expect(totals(504, 104, { after: 1000 })).toEqual([crossed(200, 4)]);
    expect(totals(1504, 104, { after: 5 * MINUTE })).toEqual([crossed(1000, 0)]);
  });

  it('of which one direction breaks, count the other', () => {
    const { totals } = counter();
    totals(100, 100);
    expect(totals(2, 103)).toEqual([broke('in', 100, 2, { wrapped: false }), crossed(0, 3)]);
  });

  it('a little lower are old ones, sent again or overtaken: nothing is counted twice', () => {
    const { totals } = counter();
    totals(495, 480);
    expect(totals(500, 482)).toEqual([crossed(5, 2)]);
    expect(totals(495, 480)).toEqual([]);
    expect(totals(500, 482)).toEqual([]);
    expect(totals(495, 480)).toEqual([]);
    expect(totals(499, 482)).toEqual([]);
    expect(totals(504, 482)).toEqual([crossed(4, 0)]);
    // What rose at once may be sent again at once.
    expect(totals(1504, 482, { after: 5 * MINUTE })).toEqual([crossed(1000, 0)]);
    expect(totals(804, 482)).toEqual([]);
    expect(totals(1505, 482)).toEqual([crossed(1, 0)]);
  });

  it('that stay a little lower began anew: the third is believed, and what passed since the first', () => {
    const { totals } = counter();
    totals(50, 40);
    expect(totals(30, 40)).toEqual([]);
    expect(totals(32, 40)).toEqual([]);
    expect(totals(35, 41)).toEqual([broke('in', 50, 35, { wrapped: false }), crossed(5, 1)]);
    expect(totals(36, 41)).toEqual([crossed(1, 0)]);
  });

  it('of before a wrap are old ones, too', () => {
    const { totals } = counter(U16);
    totals(65_530, 0);
    expect(totals(2, 0)).toEqual([broke('in', 65_530, 2, { wrapped: true }), crossed(8, 0)]);
    expect(totals(65_530, 0)).toEqual([]);
    expect(totals(2, 0)).toEqual([]);
    expect(totals(65_533, 0)).toEqual([]);
    expect(totals(3, 0)).toEqual([crossed(1, 0)]);
    expect(totals(65_533, 0)).toEqual([]);
  });

  it('of the past say nothing of now', () => {
    const { totals } = counter(U16);
    totals(100, 100);
    expect(totals(3, 3, { history: true })).toEqual([]);
    expect(totals(101, 100)).toEqual([crossed(1, 0)]);
  });
});

it('counts since the last report are facts as they are, those of the past too', () => {
  const { says } = counter();
  expect(says({ in: 2, out: 1, readingId: 'r' })).toEqual([{ ...crossed(2, 1), readingId: 'r' }]);
  expect(says({ in: 0, out: 0 })).toEqual([]);
  expect(says({ in: 5, out: 0 }, { history: true })).toEqual([crossed(5, 0)]);
});
