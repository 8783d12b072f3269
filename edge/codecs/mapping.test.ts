import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it, test } from 'vitest';
import { parseConfig } from '../../config/loader.ts';
import type { Decoder, NotUnderstood, Understood } from '../contracts/formats.ts';
import { decoded, frameOf, opened, RECEIVED, readingsBy, saidBy } from './format.fixture.ts';
import { mappingFormat } from './mapping.ts';

const DIST = new URL('../../dist/edge/codecs/', import.meta.url);
const LOOP = '($f := function($x) { $f($x) }; $f(1))';
const CELSIUS = '{ "unit": "u", "celsius": payload.t }';

let passed = 0;
const format = mappingFormat({
  program: new URL('mapping-process.js', DIST),
  monotonic: () => performance.now() + passed,
});

const open: Decoder[] = [];
afterEach(() => {
  for (const decoder of open.splice(0)) decoder.close?.();
  passed = 0;
});

/** A device with this mapping, closed with the test. */
function device(mapping: Readonly<Record<string, string>>, more: Parameters<typeof opened>[1] = {}): Decoder {
  const decoder = opened(format, { push: true, mapping, ...more });
  open.push(decoder);
  return decoder;
}

describe('an expression', () => {
  it('gives a reading, an array of readings, or nothing', async () => {
    const decoder = device({ climate: 'payload.probes.{ "unit": name, "celsius": c }', status: 'payload.nowhere' });
    const probes = [
      { name: 'a', c: 4.5 },
      { name: 'b', c: -18 },
    ];
    expect(await readingsBy(decoder, { probes })).toEqual([
      { unit: 'a', celsius: 4.5 },
      { unit: 'b', celsius: -18 },
    ]);
    expect(await readingsBy(decoder, { probes: probes[0] && [probes[0]] })).toHaveLength(1);
    expect(await decoded(decoder, {})).toEqual({
      ok: true,
      said: [],
      note: 'the mapping gives nothing for this frame',
    });
  });

  it('sees the topic, the entry of its device, and when the frame came', async () => {
    const decoder = device(
      { climate: '{ "unit": device.unit, "celsius": $number(payload), "id": topic & device.name, "time": received }' },
      { unit: 'fridge-1' },
    );
    expect(await readingsBy(decoder, '4.5 ', { topic: 'a/b' })).toEqual([
      { unit: 'fridge-1', celsius: 4.5, id: 'a/bdev', time: RECEIVED },
    ]);
  });

  it('gets bytes that are no text as hex', async () => {
    const decoder = device({ status: '{ "online": true, "text": payload }' });
    const said = await decoder.decode({ bytes: Buffer.from('00ff10', 'hex'), received: RECEIVED });
    expect(said).toMatchObject({ ok: true, said: [{ reading: { text: '00ff10' } }] });
  });

  it('may speak for other devices, and of the past', async () => {
    const expression = 'payload.{ "device": n, "history": true, "unit": "u", "celsius": 1 }';
    expect(await saidBy(device({ climate: expression }), { n: 'probe-3' })).toEqual([
      { kind: 'climate', device: 'probe-3', history: true, reading: { unit: 'u', celsius: 1 } },
    ]);
    expect(await decoded(device({ climate: expression }), { n: 'a/b' })).toMatchObject({
      ok: false,
      reason: expect.stringContaining('`device` that is no name'),
    });
  });

  it.each([
    ['"text"', 'gives a text: expected a reading'],
    ['[1, 2]', 'gives a number'],
    ['[[1]]', 'an array within the array'],
    ['function($x) { $x }', 'no JSON, such as a function'],
    ['$number("abc")', 'mapping.climate, character 8: Unable to cast value to a number: "abc" (D3030)'],
    ['[1..1001].{ "unit": "u", "celsius": $ }', '1001 readings: expected at most 1000'],
  ])('that gives something else is refused: %s', async (climate, words) => {
    expect(await decoded(device({ climate }), {})).toMatchObject({ ok: false, reason: expect.stringContaining(words) });
  });

  it('that reads persons is refused without a word of what was sent', async () => {
    const presence = '{ "zone": "z", "shopper": $number(payload.who), "present": true }';
    const answer = await decoded(device({ presence }), { who: 'anna' });
    expect(answer).toMatchObject({ ok: false, reason: expect.stringContaining('the expression fails here') });
    expect(JSON.stringify(answer)).not.toContain('anna');
  });
});

describe('a bad expression', () => {
  it.each([
    ['loops', LOOP, 'longer than 100 ms'],
    ['recurses', '($f := function($x) { 1 + $f($x) }; $f(1))', 'Stack overflow'],
    ['backtracks', '$match($pad("", 60, "a") & "!", /^(a+)+$/)', 'longer than 100 ms'],
    ['gathers', '[1..10000000]', 'maximum sequence length'],
    ['grows', '{ "text": [1..5000].$string($$) }', 'too much memory'],
  ])('that %s is refused, and the next device goes on', async (_, status, words) => {
    // A payload that the last of them repeats five thousand times.
    const payload = { t: 4.5, filler: 'x'.repeat(200_000) };
    const [bad, good] = [device({ status }), device({ climate: CELSIUS })];
    const both = await Promise.all([decoded(bad, payload), decoded(good, payload)]);
    const told = both[0].ok ? '' : both[0].reason;
    // How far it gets before one of the bounds meets it depends on the machine.
    expect(told).toMatch(words === 'too much memory' ? /too much memory|longer than 100 ms|Invalid string/ : words);
    expect(both[1]).toMatchObject({ ok: true, said: [{ reading: { celsius: 4.5 } }] });
  });

  it('is paused after three frames in a row, for a minute; one good frame before that forgives', async () => {
    const bad = device({ status: `payload.bad ? ${LOOP} : { "online": true }` });
    const send = async (is: boolean) => await decoded(bad, { bad: is });
    for (const is of [true, true, false, true, true]) expect((await send(is)).ok).toBe(!is);
    expect(await send(true)).toMatchObject({ reason: expect.stringContaining('paused for a minute') });
    expect(await send(false)).toMatchObject({ ok: false, reason: expect.stringContaining('paused for a minute') });
    passed += 60_000;
    expect((await send(false)).ok).toBe(true);
  });

  it('ends the frames that wait behind it as well, in their order', async () => {
    const bad = device({ status: LOOP });
    const answers: number[] = [];
    const frames = Array.from({ length: 6 }, async (_, i) => {
      const answer = await decoded(bad, { i });
      answers.push(i);
      return answer;
    });
    const reasons = (await Promise.all(frames)).map((answer) => (answer.ok ? '' : answer.reason));
    expect(answers).toEqual([0, 1, 2, 3, 4, 5]);
    expect(reasons.map((reason) => reason.includes('paused'))).toEqual([false, false, true, true, true, true]);
  });
});

test('frames of one device are answered in their order, and a flood of one leaves room for another', async () => {
  const [busy, calm] = [device({ climate: CELSIUS }), device({ climate: CELSIUS })];
  const order: number[] = [];
  const flood = Array.from({ length: 4000 }, async (_, i) => {
    const [reading] = await readingsBy(busy, { t: i / 10 });
    order.push(Math.round(Number(reading?.celsius) * 10));
  });
  // Who brings more should wait, until few are left; another one need not.
  let left: number | undefined;
  const again = (): void => {
    left = 4000 - order.length;
  };
  expect([calm.hasRoom?.(), busy.hasRoom?.(), busy.hasRoom?.(again)]).toEqual([true, false, false]);
  // It has turns with the flood, not a place behind it.
  await readingsBy(calm, { t: 1 });
  expect(order.length).toBeLessThan(2000);
  await Promise.all(flood);
  expect(order).toEqual(Array.from({ length: 4000 }, (_, i) => i));
  expect(left).toBeGreaterThan(0);
  expect(left).toBeLessThan(1000);
});

test('who waits for room is told of it though others take it at once, and each frame has its own answer', async () => {
  const busy = device({ climate: CELSIUS });
  const sent: Promise<number>[] = [];
  const send = (): void => {
    const t = sent.length;
    sent.push(readingsBy(busy, { t: t / 10 }).then(([reading]) => Math.round(Number(reading?.celsius) * 10)));
  };
  for (let i = 0; i < 800; i += 1) send();
  const told: number[] = [];
  for (const who of [1, 2, 3])
    expect(
      busy.hasRoom?.(() => {
        told.push(who);
        // As a connection does that is read again: within this call.
        for (let i = 0; i < 300; i += 1) send();
      }),
    ).toBe(false);
  for (let known = 0; known < sent.length; ) {
    known = sent.length;
    await Promise.all(sent);
  }
  expect(told).toEqual([1, 2, 3]);
  expect(await Promise.all(sent)).toEqual(sent.map((_, t) => t));
});

test('who waits for room is told of it when the process dies, and when the device is given up', async () => {
  if (!existsSync('/proc/self/task')) return console.log('SKIPPED: this system has no /proc');
  const [busy, other] = [device({ climate: CELSIUS }), device({ climate: CELSIUS })];
  await readingsBy(busy, { t: 0 });
  const answers = Array.from({ length: 800 }, () => decoded(busy, { t: 1 }));
  for (let i = 0; i < 800; i += 1) void other.decode(frameOf({ t: 1 }));
  let told = 0;
  for (const decoder of [busy, other]) expect(decoder.hasRoom?.(() => (told += 1))).toBe(false);
  process.kill(mappingProcess(), 'SIGKILL');
  other.close?.();
  const failed = (await Promise.all(answers)).filter((answer) => !answer.ok);
  expect(failed).toMatchObject([{ reason: expect.stringContaining('SIGKILL') }]);
  expect(told).toBe(2);
});

/** Its id; Linux. */
function mappingProcess(): number {
  const lists = readdirSync('/proc/self/task').map((task) => `/proc/self/task/${task}/children`);
  const children = lists.flatMap((list) => readFileSync(list, 'latin1').trim().split(' '));
  const is = (pid: string): boolean =>
    pid !== '' && readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('mapping-process');
  return Number(children.find(is));
}

test('more than all doors let in is to come again', async () => {
  const lane = device({ climate: CELSIUS });
  const large = Buffer.alloc(1_048_576, 'x');
  const answers = Array.from({ length: 40 }, () => lane.decode({ bytes: large, received: RECEIVED }));
  const refused = answers.filter((answer) => !('then' in answer));
  expect(refused.length).toBeGreaterThan(5);
  expect(refused[0]).toMatchObject({ ok: false, later: true, reason: expect.stringContaining('too many wait') });
  lane.close?.();
});

test('a closed device answers nothing more, and its process ends with the hub, even from within a loop', async () => {
  const entry = { name: 'd', codec: 'mapping', push: true, calibration: { celsius: 0, weight: 1 } };
  const program = `
    import { readFileSync } from 'node:fs';
    import { mapping } from ${JSON.stringify(new URL('mapping.js', DIST).href)};
    const decoder = mapping.open(${JSON.stringify({ ...entry, mapping: { status: LOOP } })});
    setInterval(() => {}, 1000);
    const frame = () => decoder.decode({ bytes: Buffer.from('{}'), received: 0 }).then?.(frame);
    frame();
    setInterval(() => {
      const child = readFileSync('/proc/self/task/' + process.pid + '/children', 'latin1').trim();
      if (child) console.log(child);
    }, 20);
  `;
  if (!existsSync('/proc/self/task')) return console.log('SKIPPED: this system has no /proc');
  const hub = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [told] = (await once(hub.stdout, 'data')) as [Buffer];
  const child = Number(told.toString().trim().split(/\s/)[0]);
  process.kill(hub.pid ?? 0, 'SIGKILL');
  await once(hub, 'exit');
  const until = Date.now() + 15_000;
  while (existsSync(`/proc/${child}`) && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 50));
  expect(existsSync(`/proc/${child}`)).toBe(false);

  const closed = device({ climate: CELSIUS });
  let answer: Understood | NotUnderstood | undefined;
  void Promise.resolve(closed.decode(frameOf({ t: 1 }))).then((given) => {
    answer = given;
  });
  closed.close?.();
  await readingsBy(device({ climate: CELSIUS }), { t: 2 });
  expect(answer).toBeUndefined();
});

test('a program that does not start is said, not tried for ever', async () => {
  const broken = mappingFormat({ program: new URL('no-such-program.js', DIST) });
  const decoder = opened(broken, { push: true, mapping: { climate: CELSIUS } });
  expect(await decoded(decoder, { t: 1 })).toMatchObject({
    ok: false,
    reason: expect.stringContaining('does not start'),
  });
  decoder.close?.();
});

describe('known formats', () => {
  const epc = '3034257BF7194E4000001A85';

  test('Speedway Connect: flat JSON, heartbeats among it, numbers as text', async () => {
    const rfid =
      'payload.tag_reads[isHeartBeat != true].' +
      '{ "epc": epc, "antenna": antennaPort, "rssi_dbm": $number(peakRssi), "time": $floor($number(firstSeenTimestamp) / 1000) }';
    const read = {
      antennaPort: 2,
      epc,
      firstSeenTimestamp: '1795166100123456',
      peakRssi: '-48.50',
      isHeartBeat: false,
    };
    const tag_reads = [read, { isHeartBeat: true, firstSeenTimestamp: '1795166100123456' }];
    expect(await readingsBy(device({ rfid }), { reader_name: 'dock', mac_address: '00:16:25:01', tag_reads })).toEqual([
      { epc, antenna: 2, rssi_dbm: -48.5, time: 1_795_166_100_123 },
    ]);
  });

  test("Keonn: a template of the shop's own", async () => {
    const rfid =
      '$split(payload, "\\n")[$contains(";")].($p := $split(";"); { "epc": $p[0], "antenna": $number($p[1]) })';
    expect(await readingsBy(device({ rfid }), `${epc};1;-61\n${epc};3;-70\n`)).toEqual([
      { epc, antenna: 1 },
      { epc, antenna: 3 },
    ]);
    const json = 'payload.tags.{ "epc": hexEpc, "antenna": ant, "rssi_dbm": rssi, "time": ts }';
    expect(await readingsBy(device({ rfid: json }), { tags: [{ hexEpc: epc, ant: 1, rssi: -61, ts: 1 }] })).toEqual([
      { epc, antenna: 1, rssi_dbm: -61, time: 1 },
    ]);
  });
});

describe('the configuration', () => {
  const example = readFileSync(fileURLToPath(new URL('../../config/store.example.yaml', import.meta.url)), 'utf8');
  const full = example
    .replace(/^#( {3}.*)$/gm, '$1')
    .replace(/^# ([a-z_]+:.*)$/gm, '$1')
    .replace(/^( +)# ([a-z_]+: )/gm, '$1$2');
  const { devices } = parseConfig(full, '/etc/store-hub/store.yaml', {}).config;

  /** An entry of the example as it is written there. */
  function written(name: string): Decoder {
    const entry = devices.find((one) => one.name === name);
    if (entry === undefined) throw new Error(`the example has no ${name}`);
    const decoder = format.open(entry);
    open.push(decoder);
    return decoder;
  }

  test('shows a mapping of Sparkplug that works', async () => {
    const metrics = [
      { name: 'Temperature', timestamp: 1_795_166_100_000, dataType: 'Float', value: 4.5 },
      { name: 'Pressure', timestamp: 1_795_166_100_000, dataType: 'Float', value: 2 },
    ];
    const payload = { timestamp: 1_795_166_100_001, seq: 7, metrics };
    expect(await readingsBy(written('plc-1'), payload)).toEqual([
      { unit: 'fridge-7', celsius: 4.5, time: 1_795_166_100_000 },
    ]);
  });

  test('shows a mapping of flat JSON that works', async () => {
    const topic = 'sensors/fridge-2/state';
    expect(await saidBy(written('thermometers'), { temp: 45, door: 'open', batt: 80 }, { topic })).toMatchObject([
      { kind: 'climate', reading: { unit: 'fridge-2', celsius: 4.5, door_open: true } },
      { kind: 'status', device: 'fridge-2', reading: { online: true, battery_percent: 80 } },
    ]);
    expect(await saidBy(written('thermometers'), { temp: 45 }, { topic })).toHaveLength(1);
  });

  test.each([
    ['climate: payload.(', 'mapping.climate', 'is no JSONata'],
    ['climat: payload', 'mapping.climat', 'is no kind of reading: expected sale'],
  ])('is refused at its place: %s', (line, key, words) => {
    const text = `hub: x\ndevices:\n  - name: d\n    codec: mapping\n    push: true\n    mapping:\n      ${line}\n`;
    expect(() => parseConfig(text, 'x.yaml', {})).toThrow(words);
    expect(() => parseConfig(text, 'x.yaml', {})).toThrow(`x.yaml:7:`);
    expect(() => parseConfig(text, 'x.yaml', {})).toThrow(key);
  });
});
