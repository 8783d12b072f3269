import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { folderWith, run } from './command.fixture.ts';

const empty = folderWith();
const withStore = folderWith('hub: store-0042\n');
const withCloud = folderWith('hub: store-0042\ncloud: { brokers: [127.0.0.1:9], partition: 7 }\n');
const STORE = ['--config', 'store.yaml'];

test('--help names every command and ends with 0; so does the help of each', async () => {
  const { code, stdout } = await run(['--help'], empty);
  expect(code).toBe(0);
  const names = [
    'edge',
    'bridge',
    'demo',
    'check-config',
    'status',
    'offers',
    'journal',
    'dead-letters',
    'backup',
    'restore',
    'topics',
    'verify',
    'schema',
    'passwd',
  ];
  for (const name of names) expect(stdout).toMatch(new RegExp(`^  ${name}\\b`, 'm'));
  for (const name of names) {
    const help = await run([name, '--help'], empty);
    expect([name, help.code, help.stderr]).toEqual([name, 0, '']);
    expect(help.stdout).toContain(`Usage: store-hub ${name}`);
    expect(help.stdout).toContain('--config <file>');
  }
});

test('--version is that of the package', async () => {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  expect(await run(['--version'], empty)).toEqual({
    code: 0,
    stdout: `${(manifest as { version: string }).version}\n`,
    stderr: '',
  });
});

test.each([
  ['no command', []],
  ['an unknown command', ['edges']],
  ['an unknown option', ['edge', '--fast']],
  ['a group without its command', ['journal']],
  ['an option that is no number', ['journal', 'tail', '--lines', 'many', ...STORE]],
  ['a stream that does not exist', ['journal', 'export', '--stream', 'sale', ...STORE]],
  ['a schema that does not exist', ['schema', 'reading.smell']],
  ['a resume that does not say how', ['bridge', 'resume', ...STORE]],
  ['two ways to resume', ['bridge', 'resume', '--refill', '--repartition', '--yes', ...STORE]],
  ['a resume without --yes', ['bridge', 'resume', '--refill', ...STORE]],
])('%s is wrong use: exit code 2, with a word on stderr', async (_, args) => {
  const { code, stdout, stderr } = await run(args, withStore);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).not.toBe('');
  expect(stderr).not.toMatch(/^\s+at /m);
});

test.each([
  ['edge'],
  ['bridge'],
  ['status'],
  ['journal', 'tail'],
  ['dead-letters', 'list'],
  ['topics', 'check'],
  ['verify'],
])('without a configuration %s ends with 78 and says where one belongs', async (...args) => {
  const { code, stderr } = await run([...args, '--config', 'none.yaml'], empty);
  expect(code).toBe(78);
  expect(stderr).toBe(
    `none.yaml:1:1: there is no such file\n` +
      `store-hub: what to do: pass --config FILE, or create ./config/store.yaml or /etc/store-hub/store.yaml\n`,
  );
});

test.each([['bridge'], ['bridge', 'resume', '--dry-run'], ['topics', 'check'], ['topics', 'create'], ['verify']])(
  'without a cloud %s ends with 78',
  async (...args) => {
    const { code, stderr } = await run([...args, ...STORE], withStore);
    expect(code).toBe(78);
    expect(stderr).toContain('store.yaml has no section cloud\n');
  },
);

test('check-config says ok, or every fault with its place, also as JSON', async () => {
  expect(await run(['check-config', ...STORE], withStore)).toEqual({
    code: 0,
    stdout: 'store.yaml: ok (hub store-0042)\n',
    stderr: '',
  });
  expect((await run(['check-config', '--json', ...STORE], withStore)).stdout).toBe('[]\n');
  const wrong = folderWith('hub: store-0042\nmqtt:\n  lisen: 127.0.0.1:1884\n');
  const message = 'unknown key; did you mean listen?';
  expect(await run(['check-config', ...STORE], wrong)).toEqual({
    code: 78,
    stdout: `store.yaml:3:3: mqtt.lisen: ${message}\n`,
    stderr: '',
  });
  const { code, stdout } = await run(['check-config', '--json', ...STORE], wrong);
  expect(code).toBe(78);
  expect(JSON.parse(stdout)).toEqual([{ file: 'store.yaml', line: 3, column: 3, key: 'mqtt.lisen', message }]);
});

test('check-config says where a configuration belongs when there is none', async () => {
  expect(await run(['check-config', '--config', 'none.yaml'], empty)).toEqual({
    code: 78,
    stdout: 'none.yaml:1:1: there is no such file\n',
    stderr: 'store-hub: what to do: pass --config FILE, or create ./config/store.yaml or /etc/store-hub/store.yaml\n',
  });
});

test("check-config finds the bridge's files that are not there, and mentions those that it cannot see", async () => {
  const cloud = 'cloud:\n  brokers: [127.0.0.1:9]\n  partition: 7\n  tls: { ca: none.pem }\n';
  const folder = folderWith(
    `hub: store-0042\n${cloud}  sasl: { mechanism: plain, username: a, password_file: credential:kafka }\n`,
  );
  const lost = await run(['check-config', ...STORE], folder);
  expect(lost.code).toBe(78);
  expect(lost.stdout).toBe(`store.yaml:5:14: cloud.tls.ca: ${folder}/none.pem: there is no such file\n`);
  writeFileSync(join(folder, 'none.pem'), '');
  const there = await run(['check-config', ...STORE], folder);
  expect(there.code).toBe(0);
  expect(there.stderr).toMatch(/not checked: cloud\.sasl\.password_file: credential:kafka: .*the bridge must be able/);
});

test('check-config sees the environment, and mentions what an operator should know', async () => {
  const unknown = await run(['check-config', ...STORE], withStore, { STORE_HUB_MQTT__PORT: '1' });
  expect(unknown.code).toBe(78);
  expect(unknown.stdout).toBe('STORE_HUB_MQTT__PORT:1:1: no such key; see the keys of the configuration file\n');
  const open = { STORE_HUB_HTTP__LISTEN: '0.0.0.0:8080', STORE_HUB_HTTP__ALLOW_ANONYMOUS_NETWORK: 'true' };
  const noticed = await run(['check-config', ...STORE], withStore, open);
  expect(noticed.code).toBe(0);
  expect(noticed.stderr).toMatch(/^store-hub: http\.listen 0\.0\.0\.0:8080: everyone on that network may use it/);
});

test('check-config tells of a zone that is likely misspelt, at its place, and says ok all the same', async () => {
  const shelf = '{ shelf: A, zone: beverages, gtin: "09521234543213", name: Water, capacity: 9, minimum: 2 }';
  const gate = '{ name: gate-1, codec: impinj, push: true, antennas: { "1": beverges, "2": back-room } }';
  const folder = folderWith(`hub: store-0042\nplanogram:\n  - ${shelf}\ndevices:\n  - ${gate}\n`);
  expect(await run(['check-config', ...STORE], folder)).toEqual({
    code: 0,
    stdout: 'store.yaml: ok (hub store-0042)\n',
    stderr:
      'store-hub: store.yaml:5:65: devices[0].antennas.1: zone beverges is named nowhere else; did you mean beverages?\n',
  });
});

test('an erasure from a pipe says that --yes is missing', async () => {
  const refused = await run(['shoppers', 'erase', ...STORE], withStore);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toBe(
    'store-hub: nothing was erased: the pseudonym comes from a pipe, so nobody can be asked again\nstore-hub: what to do: add `--yes` if you are sure\n',
  );
});

test('the default is ./config/store.yaml', async () => {
  const folder = folderWith();
  mkdirSync(join(folder, 'config'));
  writeFileSync(join(folder, 'config', 'store.yaml'), 'hub: by-default\n');
  expect((await run(['check-config'], folder)).stdout).toBe('./config/store.yaml: ok (hub by-default)\n');
});

test('an error shows its stack on demand only', async () => {
  const plain = await run(['journal', 'tail', ...STORE], withStore);
  expect(plain.code).toBe(1);
  expect(plain.stderr).toBe(
    `store-hub: cannot read ${withStore}/data/journal.db\nstore-hub: what to do: start the edge once so that it creates the journal, and check the rights on data_dir\n`,
  );
  const debug = await run(['journal', 'tail', ...STORE], withStore, { STORE_HUB_DEBUG: '1' });
  expect(debug.stderr).toMatch(/^\s+at /m);
});

test('status of a stopped hub is 1, and says what is down', async () => {
  const nobody = { STORE_HUB_BRIDGE__HTTP__LISTEN: '127.0.0.1:9' };
  const { code, stdout } = await run(['status', '--json', ...STORE], withCloud, nobody);
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    hub: 'store-0042',
    edge: { up: false, ready: false, events_per_s: 0, bytes_per_s: 0 },
    bridge: { up: false, state: null },
    buffer: null,
    lag: null,
    alerts: null,
    quiet: [],
  });
  const readable = await run(['status', ...STORE], withCloud, nobody);
  expect(readable.stdout).toMatch(/^edge +down: no edge answers on .*edge\.sock$/m);
  expect(readable.stdout).toMatch(/^bridge +down: no bridge answers on [\d.:]+$/m);
  expect(readable.stdout).toMatch(/^quiet +unknown$/m);
  const alone = await run(['status', ...STORE], withStore, nobody);
  expect(alone.stdout).toMatch(/^bridge +none: there is no cloud in the configuration$/m);
  expect(alone.stdout).toMatch(/^lag +-$/m);
});

test('head office that does not answer is a failure with a clear word', async () => {
  const { code, stderr } = await run(['topics', 'check', ...STORE], withCloud);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^store-hub: .*127\.0\.0\.1:9/);
  expect(stderr).not.toMatch(/^\s+at /m);
});
