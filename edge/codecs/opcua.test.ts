import { expect, test } from 'vitest';
import type { DeviceConfig, OpcuaNode } from '../contracts/devices.ts';
import type { NotUnderstood, Understood } from '../contracts/formats.ts';
import { type OpcUaFrame, type OpcUaValue, opcUaGroups } from '../contracts/opcua.ts';
import { opcua } from './opcua.ts';

const NOW = Date.UTC(2026, 10, 20, 9);
const AIR: OpcuaNode = { node: 'ns=2;s=F1.T', is: 'celsius' };

function device(nodes: readonly OpcuaNode[] = [AIR], more: Partial<DeviceConfig> = {}): DeviceConfig {
  const source = { endpoint: 'opc.tcp://10.0.0.5:4840', nodes, interval: 5000, security: 'none' as const };
  return {
    name: 'cabinets',
    codec: 'opcua',
    unit: 'fridge-1',
    opcua: source,
    calibration: { celsius: 0, weight: 1 },
    ...more,
  };
}

const told = (is: OpcuaNode['is'], value: OpcUaValue['value'], more: Partial<OpcUaValue> = {}): OpcUaValue => ({
  ...{ node: `ns=2;s=${is}`, is, value, status: 'Good', time: NOW - 500 },
  ...more,
});

function answers(frames: readonly Partial<OpcUaFrame>[], config = device()): (Understood | NotUnderstood)[] {
  const decoder = opcua.open(config);
  return frames.map((frame, index) => {
    const bytes = Buffer.from(JSON.stringify({ unit: 'fridge-1', probe: 'air', ...frame }));
    const answer = decoder.decode({ bytes, received: NOW + index * 1000 });
    if ('then' in answer) throw new Error('it is decoded at once');
    return answer;
  });
}

function reads(...values: OpcUaValue[]): unknown {
  const [answer] = answers([{ values }]);
  return answer?.ok ? answer.said[0]?.reading : answer;
}

test('the values of a unit become one reading at the newest time that the controller measured', () => {
  const values = [
    told('celsius', 4.25),
    told('humidity', 60),
    told('door_open', true, { time: NOW - 100 }),
    told('defrost', 0),
  ];
  expect(reads(...values)).toEqual({
    ...{
      unit: 'fridge-1',
      celsius: 4.25,
      probe: 'air',
      humidity: 60,
      door_open: true,
      defrost: false,
      time: NOW - 100,
    },
  });
});

test.each([
  [{ id: 4_408_652, text: '°C' }, 5, 5],
  [{ id: 4_604_232, text: '°F' }, 41, 5],
  [{ id: 4_604_232, text: '' }, -40, -40],
  [{ id: 4_932_940, text: 'K' }, 278.15, 5],
  [{ id: -1, text: '°F' }, 32, 0],
  [{ id: 0, text: 'degrees Celsius' }, 5, 5],
  [{ id: 0, text: '' }, 5, 5],
])('a temperature in %j becomes degrees Celsius', (unit, value, celsius) => {
  expect(reads(told('celsius', value, { unit }))).toMatchObject({ celsius });
});

test('a Float shows no more digits than it has, and the thermometer is corrected', () => {
  expect(reads(told('celsius', Math.fround(4.3)))).toMatchObject({ celsius: 4.3 });
  const [answer] = answers(
    [{ values: [told('celsius', 4.3)] }],
    device([AIR], { calibration: { celsius: -0.5, weight: 1 } }),
  );
  expect(answer).toMatchObject({ said: [{ reading: { celsius: 3.8 } }] });
});

test('uncertain counts with a note, bad does not, and without a temperature there is no reading', () => {
  const unsure = answers([{ values: [told('celsius', 4, { status: 'UncertainSubNormal' })] }])[0];
  expect(unsure).toEqual({
    ok: true,
    said: [{ kind: 'climate', reading: { unit: 'fridge-1', celsius: 4, probe: 'air' } }],
    note: 'ns=2;s=celsius is UncertainSubNormal',
  });
  const humidity = answers([{ values: [told('celsius', 4), told('humidity', 60, { status: 'BadNotConnected' })] }])[0];
  expect(humidity).toMatchObject({ ok: true, note: 'ns=2;s=humidity is BadNotConnected' });
  expect(humidity?.ok && humidity.said[0]?.reading).not.toHaveProperty('humidity');
  for (const value of [
    told('celsius', 4, { status: 'BadSensorFailure' }),
    told('celsius', null),
    told('celsius', true),
  ])
    expect(answers([{ values: [value] }])[0]).toMatchObject({
      ok: true,
      said: [],
      note: expect.stringContaining('no temp'),
    });
});

test('a time of long ago, of an earlier change or of an uncertain value is not the time of the reading', () => {
  expect(reads(told('celsius', 4, { time: NOW - 3_600_000 }))).not.toHaveProperty('time');
  expect(reads(told('celsius', 4, { status: 'UncertainSubNormal' }))).not.toHaveProperty('time');
  const [first, second, third, again] = answers([
    { values: [told('celsius', 4, { time: NOW })] },
    { unit: 'fridge-2', values: [told('celsius', 5, { time: NOW - 200 })] },
    { values: [told('celsius', 6, { time: NOW + 2000 })] },
    { values: [told('celsius', 6, { time: NOW + 2500 })], again: true },
  ]).map((answer) => (answer.ok ? answer.said[0]?.reading.time : answer));
  expect([first, second, third, again]).toEqual([NOW, undefined, NOW + 2000, undefined]);
});

test('an installer reads what is wrong with a unit of measurement, once a minute', () => {
  const ohms = { values: [told('celsius', 120, { unit: { id: 5_195_853, text: 'Ω' } })] };
  const all = answers(Array(65).fill(ohms));
  expect(all[0]).toEqual({ ok: false, reason: 'ns=2;s=celsius measures in Ω: expected °C, °F or K' });
  expect(all.filter(({ ok }) => !ok)).toHaveLength(2);
});

test('a node map that cannot work is refused with its node', () => {
  const faults = (...nodes: OpcuaNode[]): string => opcUaGroups(device(nodes, { unit: undefined })).faults.join(' | ');
  expect(faults({ node: 'Fridge1', is: 'celsius', unit: 'a' })).toContain('Fridge1 is no node id');
  expect(faults(AIR)).toContain('needs `unit`');
  expect(faults({ node: 'i=5', is: 'humidity', unit: 'a' })).toContain('no node for its temperature');
  const twice = [
    { ...AIR, unit: 'a' },
    { ...AIR, node: 'i=6', unit: 'a' },
  ];
  expect(faults(...twice)).toContain('i=6: a has another node for the temperature of its air');
  expect(
    faults({ ...AIR, unit: 'a' }, { node: 'i=7', is: 'defrost', unit: 'a' }, { node: 'i=8', is: 'defrost', unit: 'a' }),
  ).toContain('i=8');
  expect(() => opcua.open(device([{ node: 'x', is: 'celsius' }]))).toThrow('x is no node id');
});

test('two probes of a unit share its door and its defrost, and the air has the humidity', () => {
  const { groups, faults } = opcUaGroups(
    device([
      { node: 'i=1', is: 'defrost' },
      { node: 'i=2', is: 'humidity' },
      { node: 'i=3', is: 'celsius', probe: 'product' },
      { node: 'i=4', is: 'celsius' },
    ]),
  );
  expect(faults).toEqual([]);
  const shown = groups.map(({ probe, nodes }) => [probe, ...nodes.map(({ is }) => is)]);
  expect(shown).toEqual([
    ['product', 'celsius', 'defrost'],
    ['air', 'celsius', 'defrost', 'humidity'],
  ]);
});
