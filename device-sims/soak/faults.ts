/** The faults of the soak: what each one does, and by what it is seen that it really struck. Each undoes what it did. */
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { spawnGuarded } from '../harness/guarded-process.ts';
import { waitUntil } from '../harness/wait-until.ts';
import { Devices } from './devices.ts';
import { bridgeState, bufferedEvents, edgeMetric, isReady, type Stage } from './stage.ts';

/** What a fault works with. */
export interface Scene {
  readonly stage: Stage;
  readonly devices: Devices;
  /** Readings per second of the devices. */
  readonly rate: number;
  /** Devices that a fault adds for a while: what they sent must arrive too. */
  readonly guests: Devices[];
}

export interface Fault {
  readonly name: string;
  /** Strikes, undoes it, and says what was seen of it; undefined: it had no effect. Throws when it could not be done. */
  readonly strike: (scene: Scene) => Promise<string | undefined>;
  /** Why this machine cannot have it. */
  readonly missing?: (stage: Stage) => Promise<string | undefined>;
}

const FAKETIME = '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1';
const UP_MS = 60_000;

async function edgeUp({ store }: Stage): Promise<void> {
  await waitUntil('the edge to be ready again', () => isReady(store), { timeoutMs: UP_MS, everyMs: 100 });
}

/** Runs `during` and says how many connections the devices lost meanwhile. */
async function lostConnections({ devices }: Scene, during: () => Promise<void>): Promise<string | undefined> {
  const before = devices.last?.lost ?? 0;
  await during();
  await sleep(1_500);
  const lost = (devices.last?.lost ?? 0) - before;
  return lost > 0 ? `${lost} connections lost` : undefined;
}

/** Runs `during` and says how far the events that wait for head office grew. */
async function grownLag({ stage, rate }: Scene, during: () => Promise<void>): Promise<string | undefined> {
  let largest = 0;
  let over = false;
  const look = (async () => {
    while (!over) {
      largest = Math.max(largest, (await bufferedEvents(stage.store)) ?? 0);
      await sleep(500);
    }
  })();
  try {
    await during();
  } finally {
    over = true;
    await look;
  }
  return largest > rate * 4 ? `${largest} events waited` : undefined;
}

function strace(pid: number, delayMs: number) {
  const delay = `inject=fsync,fdatasync:delay_enter=${delayMs * 1000}`;
  return spawnGuarded('strace', ['-f', '-q', '-p', String(pid), '-e', 'trace=fsync,fdatasync', '-e', delay]);
}

async function canTrace(): Promise<string | undefined> {
  const sleeper = spawnGuarded('sleep', ['5']);
  const tracer = strace(sleeper.pid, 1);
  tracer.child.stderr?.resume();
  await sleep(500);
  const traced = tracer.running();
  await tracer.end('SIGINT').catch(() => undefined);
  await sleeper.end('SIGKILL');
  return traced ? undefined : 'strace is missing or not allowed here';
}

/** The file appears whole: the clock must never be read from half a number. */
function setClock(file: string, offset: string): void {
  writeFileSync(`${file}.new`, `${offset}\n`);
  renameSync(`${file}.new`, file);
}

export const FAULTS: readonly Fault[] = [
  {
    name: 'kill -9 edge',
    strike: (scene) =>
      lostConnections(scene, async () => {
        await scene.stage.edge.end('SIGKILL');
        await sleep(1_000);
        scene.stage.edge.start();
        await edgeUp(scene.stage);
      }),
  },
  {
    name: 'kill -9 bridge',
    async strike({ stage }) {
      const { signal } = await stage.bridge.end('SIGKILL');
      await sleep(2_000);
      stage.bridge.start();
      await waitUntil('the bridge to answer', async () => (await bridgeState(stage.store)) !== undefined);
      return signal === 'SIGKILL' ? 'killed, back again' : undefined;
    },
  },
  {
    name: 'SIGTERM edge',
    strike: (scene) =>
      lostConnections(scene, async () => {
        const { code, signal } = await scene.stage.edge.end('SIGTERM');
        if (code !== 0) throw new Error(`the edge ended with ${signal ?? `code ${code}`} after SIGTERM`);
        scene.stage.edge.start();
        await edgeUp(scene.stage);
      }),
  },
  {
    name: 'link cut',
    strike: (scene) =>
      grownLag(scene, async () => {
        scene.stage.link.cut();
        await sleep(15_000);
        scene.stage.link.heal();
      }),
  },
  {
    name: 'link half-open',
    strike: (scene) =>
      grownLag(scene, async () => {
        scene.stage.link.blackhole();
        await sleep(20_000);
        scene.stage.link.heal();
      }),
  },
  {
    name: 'replies lost',
    strike: (scene) =>
      grownLag(scene, async () => {
        scene.stage.link.dropReplies();
        await sleep(15_000);
        scene.stage.link.heal();
      }),
  },
  {
    name: 'link slow',
    strike: (scene) =>
      grownLag(scene, async () => {
        scene.stage.link.slow({ bytesPerSecond: 125_000, delayMs: 150 });
        await sleep(20_000);
        scene.stage.link.heal();
      }),
  },
  {
    name: 'Kafka stopped',
    strike: (scene) =>
      grownLag(scene, async () => {
        const { kafka } = scene.stage;
        for (const node of kafka.nodes) await node.shutDown();
        await sleep(8_000);
        for (const node of kafka.nodes) await node.start();
        await kafka.ready();
      }),
  },
  {
    name: 'clock stepped +2 h and back',
    missing: async () => (existsSync(FAKETIME) ? undefined : 'libfaketime is missing'),
    async strike({ stage }) {
      const file = join(stage.store.folder, 'clock');
      setClock(file, '+0');
      await stage.edge.end('SIGTERM');
      const settings = [
        `LD_PRELOAD=${FAKETIME}`,
        `FAKETIME_TIMESTAMP_FILE=${file}`,
        'FAKETIME_CACHE_DURATION=1',
        'FAKETIME_DONT_FAKE_MONOTONIC=1',
      ];
      stage.edge.start({ under: ['env', ...settings] });
      await edgeUp(stage);
      for (const offset of ['+7200', '+0']) {
        await sleep(4_000);
        setClock(file, offset);
      }
      await sleep(4_000);
      const steps = (await edgeMetric(stage.store, 'store_hub_clock_steps_total')) ?? 0;
      await stage.edge.end('SIGTERM');
      stage.edge.start();
      await edgeUp(stage);
      return steps > 0 ? `${steps} steps noticed` : undefined;
    },
  },
  {
    name: 'disk full',
    missing: async ({ disk }) => (typeof disk === 'string' ? disk : undefined),
    async strike({ stage }) {
      if (typeof stage.disk === 'string') return undefined;
      let refused = false;
      stage.disk.fill();
      try {
        for (let second = 0; second < 20; second += 1) {
          await sleep(1_000);
          if (!(await isReady(stage.store))) refused = true;
        }
      } finally {
        stage.disk.free();
      }
      await edgeUp(stage);
      return refused ? 'not ready, then ready again' : undefined;
    },
  },
  {
    name: 'flood by other clients',
    async strike({ stage, guests, rate, devices }) {
      const before = devices.acknowledged;
      const guest = new Devices({
        port: stage.store.mqttPort,
        run: `flood${guests.length}`,
        devices: 8,
        window: 200,
        seconds: 10,
      });
      guests.push(guest);
      await guest.done();
      const each = Math.round(guest.acknowledged / 10);
      const meanwhile = Math.round((devices.acknowledged - before) / 10);
      return each > rate ? `${each}/s more, devices ${meanwhile}/s` : undefined;
    },
  },
  {
    name: 'syncs delayed 20 ms',
    missing: canTrace,
    async strike({ stage, devices }) {
      const { pid } = stage.edge;
      if (pid === undefined) throw new Error('the edge does not run');
      const window = devices.window();
      const tracer = strace(pid, 20);
      tracer.child.stderr?.resume();
      await sleep(15_000);
      await tracer.end('SIGINT');
      window.close();
      const p50 = window.latencies.percentile(0.5);
      return p50 >= 18 ? `PUBACK p50 ${p50.toFixed(0)} ms` : undefined;
    },
  },
];
