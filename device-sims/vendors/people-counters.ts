/** What people counters push: Xovis the counts of an interval, Axis its running totals. */

/** Persons. */
export interface Crossings {
  readonly in: number;
  readonly out: number;
}

export interface XovisInterval extends Crossings {
  readonly line: string;
  /** Epoch ms. */
  readonly from: number;
  readonly to: number;
  /** Counts its pushes. */
  readonly push: number;
}

/** logics_data; `fw` is in. */
export function xovisPush({ line, from, to, push, ...counts }: XovisInterval): string {
  const values = [
    { id: 0, name: 'fw', value: counts.in },
    { id: 1, name: 'bw', value: counts.out },
  ];
  const times = { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
  const logic = {
    ...{ id: 1, name: line, info: 'XLT_4X_LINE_IN_OUT_COUNT' },
    geometries: [{ id: 1, type: 'LINE', name: line }],
    records: [{ ...times, samples: 1, samples_expected: 1, counts: values }],
  };
  return JSON.stringify({ logics_data: { package_info: { version: '5.0', id: push, agent_id: 1 }, logics: [logic] } });
}

export interface AxisTotals extends Crossings {
  readonly name: string;
  /** Epoch ms; written as the device's local time, without an offset. */
  readonly time: number;
}

export function axisPush({ name, time, ...totals }: AxisTotals): string {
  const timestamp = new Date(time).toISOString().replace(/\D/g, '').slice(0, 14);
  return JSON.stringify({ serial: 'ACCC8E000001', name, timestamp, in: totals.in, out: totals.out });
}
