import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { Fridges } from '../../device-sims/devices/opcua-process.ts';
import { freePort } from '../../device-sims/harness/free-port.ts';
import { waitUntil } from '../../device-sims/harness/wait-until.ts';
import { opcua } from '../codecs/opcua.ts';
import type { DeviceConfig, OpcuaSource } from '../contracts/devices.ts';
import { type OpcUaFrame, opcUaGroups } from '../contracts/opcua.ts';
import { loadOpcUa, type OpcUaLibrary } from './opcua-library.ts';
import { OpcUaSession, type OpcUaSessionParts } from './opcua-session.ts';

const PATIENCE = { timeoutMs: 30_000 };
vi.setConfig({ testTimeout: 120_000 });
const folder = mkdtempSync(join(tmpdir(), 'opcua-'));

let library: OpcUaLibrary;
let open: Fridges;
let guarded: Fridges;
const running: OpcUaSession[] = [];

beforeAll(async () => {
  const [first, second] = [await freePort(), await freePort()];
  open = new Fridges({
    port: first,
    pki: join(folder, 'server-1'),
    units: [
      { unit: 'F', scale: 'fahrenheit' },
      { unit: 'C', scale: 'celsius', type: 'Double' },
      { unit: 'K', scale: 'kelvin' },
      { unit: 'N', scale: 'none', type: 'Int16' },
    ],
  });
  guarded = new Fridges({ ...GUARDED, port: second, pki: join(folder, 'server-2') });
  library = loadOpcUa();
  await Promise.all([open.start(), guarded.start()]);
}, 60_000);

afterEach(async () => {
  await Promise.all(running.splice(0).map((session) => session.stop()));
});

afterAll(async () => {
  await Promise.all([open.kill(), guarded.kill()]);
  rmSync(folder, { recursive: true, force: true });
});

const node = (name: string): string => `ns=1;s=${name}`;

function deviceWith(nodes: OpcuaSource['nodes'], more: Partial<OpcuaSource> = {}): DeviceConfig {
  const source = { endpoint: open.endpoint, nodes, interval: 100, security: 'none' as const, ...more };
  return { name: 'cabinets', codec: 'opcua', opcua: source, calibration: { celsius: 0, weight: 1 } };
}

const GUARDED = {
  units: [{ unit: 'C', scale: 'celsius' as const }],
  user: { name: 'hub', password: 'cold beer' },
};

/** A session that was started, and what it said, decoded. */
class Heard {
  readonly frames: OpcUaFrame[] = [];
  readonly troubles: (string | undefined)[] = [];
  readonly readings: Record<string, unknown>[] = [];
  readonly notes: (string | undefined)[] = [];
  readonly session: OpcUaSession;

  constructor(device: DeviceConfig, pki: string, more: Partial<OpcUaSessionParts> = {}) {
    const decoder = opcua.open(device);
    if (device.opcua === undefined) throw new Error('no server');
    this.session = new OpcUaSession({
      library,
      source: device.opcua,
      groups: opcUaGroups(device).groups,
      pki: join(folder, pki),
      hub: 'store-0042',
      pauseMs: { first: 200, most: 500 },
      ...more,
      trouble: (reason) => this.troubles.push(reason),
      give: (frame) => {
        this.frames.push(frame);
        const answer = decoder.decode({ bytes: Buffer.from(JSON.stringify(frame)), received: Date.now() });
        if ('then' in answer || !answer.ok) throw new Error('not understood');
        this.notes.push(answer.note);
        for (const { reading } of answer.said) this.readings.push(reading);
      },
    });
    running.push(this.session);
    this.session.start();
  }

  async reads(wanted: Record<string, unknown>): Promise<void> {
    try {
      await waitUntil(
        'a reading',
        () => this.readings.some((one) => Object.entries(wanted).every(([key, value]) => one[key] === value)),
        PATIENCE,
      );
    } catch {
      expect(this.readings.at(-1), `troubles: ${this.troubles.join(' | ')}`).toMatchObject(wanted);
    }
  }

  async troubledBy(words: string): Promise<string> {
    await waitUntil(`trouble: ${words}`, () => this.troubles.some((one) => one?.includes(words)), PATIENCE).catch(() =>
      expect(this.troubles.join(' | ')).toContain(words),
    );
    return this.troubles.findLast((one) => one?.includes(words)) ?? '';
  }
}

test('thermometers of any scale and type become degrees Celsius, combined with what belongs to their unit', async () => {
  for (const unit of ['F', 'C', 'K', 'N']) open.tell(unit, { celsius: 4.5 });
  open.tell('F', { humidity: 61, door_open: true, defrost: false });
  const thermometers = ['F', 'C', 'K', 'N'].map((unit) => ({
    node: node(`${unit}.Temperature`),
    is: 'celsius' as const,
    unit,
  }));
  const heard = new Heard(
    deviceWith([
      ...thermometers,
      { node: node('F.Humidity'), is: 'humidity', unit: 'F' },
      { node: node('F.DoorOpen'), is: 'door_open', unit: 'F' },
      { node: node('F.Defrost'), is: 'defrost', unit: 'F' },
    ]),
    'plain',
  );
  await heard.reads({ unit: 'F', celsius: 4.5, probe: 'air', humidity: 61, door_open: true, defrost: false });
  await heard.reads({ unit: 'C', celsius: 4.5 });
  await heard.reads({ unit: 'K', celsius: 4.5 });
  await heard.reads({ unit: 'N', celsius: 5 });
  open.tell('F', { door_open: false, celsius: -18 });
  await heard.reads({ unit: 'F', celsius: -18, door_open: false });
  const last = heard.readings.findLast((one) => one.unit === 'F');
  expect(Math.abs(Number(last?.time) - Date.now())).toBeLessThan(30_000);
  expect(heard.troubles).toEqual([]);
});

test('an uncertain value counts with a note, a bad one is no reading and is named, and wrong nodes are named', async () => {
  open.tell('C', { celsius: 3 });
  const heard = new Heard(
    deviceWith([
      { node: node('C.Temperature'), is: 'celsius', unit: 'C' },
      { node: node('Nobody'), is: 'humidity', unit: 'C' },
    ]),
    'plain',
  );
  await heard.reads({ unit: 'C', celsius: 3 });
  expect(await heard.troubledBy('ns=1;s=Nobody')).toContain('no such node');
  open.tell('C', { celsius: 3.5, status: 'UncertainLastUsableValue' });
  await heard.reads({ celsius: 3.5 });
  expect(heard.readings.at(-1)).not.toHaveProperty('time');
  expect(heard.notes.at(-1)).toContain('UncertainLastUsableValue');
  const before = heard.readings.length;
  open.tell('C', { celsius: 99, status: 'BadSensorFailure' });
  await heard.troubledBy('BadSensorFailure');
  await waitUntil('the note', () => heard.notes.at(-1)?.includes('no temperature of C') === true);
  expect(heard.readings).toHaveLength(before);
  open.tell('C', { celsius: 4 });
  await heard.reads({ celsius: 4 });
  await waitUntil('only the wrong node', () => heard.troubles.at(-1)?.includes('BadSensorFailure') === false);
});

test('what does not change is asked for again, and a server that was killed is found again', async () => {
  open.tell('C', { celsius: 2 });
  const heard = new Heard(deviceWith([{ node: node('C.Temperature'), is: 'celsius', unit: 'C' }]), 'plain', {
    sayAgainMs: 1500,
  });
  await heard.reads({ celsius: 2 });
  await waitUntil('it to be said again', () => heard.frames.some(({ again }) => again === true), PATIENCE);
  expect(heard.readings.at(-1)).toEqual({ unit: 'C', celsius: 2, probe: 'air' });
  await open.kill();
  await heard.troubledBy('no OPC UA server answers');
  const said = heard.readings.length;
  const restarted = open.start();
  expect(heard.readings, 'nothing is said from memory').toHaveLength(said);
  await restarted;
  open.tell('C', { celsius: 7 });
  await heard.reads({ celsius: 7 });
  expect(heard.troubles.at(-1)).toBeUndefined();
});

test('a server that is frozen is given up, and found again when it goes on', async () => {
  open.tell('C', { celsius: 3 });
  const nodes = [{ node: node('C.Temperature'), is: 'celsius' as const, unit: 'C' }];
  const heard = new Heard(deviceWith(nodes), 'plain', { keepAliveMs: 500 });
  await heard.reads({ celsius: 3 });
  open.freeze();
  await heard.troubledBy('says nothing any more');
  open.thaw();
  open.tell('C', { celsius: 8 });
  await heard.reads({ celsius: 8 });
  expect(heard.troubles.at(-1)).toBeUndefined();
});

test('a server is trusted by a person, and the hub by the server; a name and a password are needed', async () => {
  const password_file = join(folder, 'password');
  writeFileSync(password_file, 'wrong\n');
  const nodes = [{ node: node('C.Temperature'), is: 'celsius' as const, unit: 'C' }];
  const secure = { endpoint: guarded.endpoint, security: 'sign-and-encrypt' as const };
  guarded.tell('C', { celsius: 6 });
  const nameless = new Heard(deviceWith(nodes, secure), 'secure');
  // Another server, at the same time: they share the hub's own certificate.
  const signing = new Heard(deviceWith(nodes, { endpoint: open.endpoint, security: 'sign' }), 'secure');
  const told = await nameless.troubledBy('not trusted yet');
  const rejected = join(folder, 'secure', 'rejected');
  const another = await signing.troubledBy('not trusted yet');
  expect(readdirSync(rejected)).toHaveLength(2);
  const file = readdirSync(rejected).find((name) => told.includes(name)) ?? '';
  expect(another).not.toContain(file);
  expect(told).toContain(`move ${join(rejected, file)} into ${join(folder, 'secure', 'trusted', 'certs')}`);
  expect(nameless.readings).toEqual([]);
  expect(existsSync(join(folder, 'secure', 'own', 'private', 'private_key.pem'))).toBe(true);
  // What the installer does.
  mkdirSync(join(folder, 'secure', 'trusted', 'certs'), { recursive: true });
  renameSync(join(rejected, file), join(folder, 'secure', 'trusted', 'certs', file));
  await nameless.troubledBy('opcua.username');
  await nameless.session.stop();
  for (const left of readdirSync(rejected))
    renameSync(join(rejected, left), join(folder, 'secure', 'trusted', 'certs', left));
  await signing.reads({ unit: 'C' });
  const heard = new Heard(deviceWith(nodes, { ...secure, username: 'hub', password_file }), 'secure');
  await heard.troubledBy('refuses hub');
  writeFileSync(password_file, 'cold beer\n');
  await heard.reads({ celsius: 6 });
  expect(heard.troubles.at(-1)).toBeUndefined();
  // Another machine at the same address, or a new certificate: a person judges again. This one judges as well.
  await guarded.kill();
  const other = { ...GUARDED, port: guarded.port, pki: join(folder, 'server-3'), trustsEverybody: false };
  const known = heard.troubles.length;
  guarded = new Fridges(other);
  const starting = guarded.start();
  await waitUntil(
    'it to be missed',
    () => heard.troubles.slice(known).some((one) => one?.includes('no OPC UA server')),
    PATIENCE,
  );
  await starting;
  await waitUntil('its new certificate', () => heard.troubles.at(-1)?.includes('not trusted yet') === true, PATIENCE);
  for (const left of readdirSync(rejected))
    renameSync(join(rejected, left), join(folder, 'secure', 'trusted', 'certs', left));
  expect(await heard.troubledBy('may not trust this hub yet')).toContain(
    join('own', 'certs', 'client_certificate.pem'),
  );
});
