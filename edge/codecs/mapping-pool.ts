/**
 * Evaluates the expressions of mapped devices in one process apart, bounded in time and memory, so that a bad expression
 * holds up nobody for long. It is started with the first frame.
 *
 * - A frame may take 100 ms of processor time. Then the process is killed and a new one started, the frame is refused,
 *   and the others go on. Time in which the machine is busy with other things does not count, up to 2 s.
 * - A device whose frames are ended three times in a row is paused for a minute: its frames are refused at once.
 * - The frames of one device are answered in their order, those of several take turns.
 * - Of a device few hundred frames should wait: who brings more is asked to wait. What waits is bounded all the same, by
 *   more than the doors let in; what is beyond it is to come again.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { maskCardData } from '../contracts/card-data.ts';
import { mapsPersons } from '../contracts/devices.ts';
import { messageOf } from '../contracts/errors.ts';
import type { Frame, NotUnderstood } from '../contracts/formats.ts';
import type { FromMapping, MappedDevice, ToMapping } from './mapping-process.ts';

export interface Mapped {
  readonly ok: true;
  readonly results: readonly (readonly [kind: string, json: string])[];
}

export interface MappingPoolOptions {
  /** The compiled program. */
  readonly program: URL;
  /** Milliseconds of a clock that is never set. */
  readonly monotonic: () => number;
}

/** Half of the time that a frame may take: at the first look it is not known how much of it was used before. */
const LOOK_MS = 50;
const LONGEST_MS = 2000;
const LONGEST_START_MS = 30_000;
const TICK_MS = 10;
const STRIKES = 3;
const PAUSE_MS = 60_000;
/** Frames of a device, and bytes of all, at which who brings more should wait. */
const MANY = 400;
const MANY_BYTES = 2 * 1_048_576;
/** More than all doors together hold without an acknowledgement. */
const MOST_WAITING = 40_000;
const MOST_WAITING_BYTES = 32 * 1_048_576;
const MEMORY_MB = 64;

interface Job {
  readonly frame: Frame;
  readonly resolve: (answer: Mapped | NotUnderstood) => void;
}

interface Lane {
  readonly learn: Extract<ToMapping, { is: 'learn' }>;
  readonly waiting: Job[];
  /** Its frames may name persons. */
  readonly isPersonal: boolean;
  /** Times in a row that it was ended. */
  strikes: number;
  pausedUntil: number;
}

interface Running {
  readonly number: number;
  readonly lane: Lane;
  readonly job: Job;
  readonly began: number;
  /** Processor time of the process at the first look, ms. */
  usedBefore: number | undefined;
}

export class MappingPool {
  readonly #options: MappingPoolOptions;
  readonly #lanes = new Map<number, Lane>();
  #last = 0;
  #child: ChildProcess | undefined;
  #isReady = false;
  #running: Running | undefined;
  #timer: NodeJS.Timeout | undefined;
  #waitingBytes = 0;
  /** Who waits for room in which lane. */
  #held: (readonly [lane: Lane, again: () => void])[] = [];

  constructor(options: MappingPoolOptions) {
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#lanes.size === 0;
  }

  /** A device's own lane, by its number. */
  add(device: MappedDevice, mapping: Readonly<Record<string, string>>): number {
    this.#last += 1;
    const learn = { is: 'learn', lane: this.#last, device, expressions: Object.entries(mapping) } as const;
    const isPersonal = mapsPersons({ mapping });
    this.#lanes.set(this.#last, { learn, isPersonal, waiting: [], strikes: 0, pausedUntil: 0 });
    this.#tell(learn);
    return this.#last;
  }

  /** What waits is never answered, so it is not acknowledged and comes again. */
  remove(number: number): void {
    const lane = this.#lanes.get(number);
    for (const { frame } of lane?.waiting.splice(0) ?? []) this.#waitingBytes -= frame.bytes.length;
    this.#lanes.delete(number);
    this.#release();
    if (this.isEmpty) this.#end();
    else this.#tell({ is: 'forget', lane: number });
  }

  map(number: number, frame: Frame): NotUnderstood | Promise<Mapped | NotUnderstood> {
    const lane = this.#lanes.get(number);
    if (lane === undefined) throw new Error('this device was given up');
    if (lane.waiting.length === 0 && this.#isPaused(lane)) return PAUSED;
    if (lane.waiting.length >= MOST_WAITING || this.#waitingBytes + frame.bytes.length > MOST_WAITING_BYTES)
      return BUSY;
    this.#waitingBytes += frame.bytes.length;
    return new Promise((resolve) => {
      lane.waiting.push({ frame, resolve });
      this.#next();
    });
  }

  /** Whether more frames of it may come; if not, `again` is called once, when half of what is many has gone. */
  hasRoom(number: number, again?: () => void): boolean {
    const lane = this.#lanes.get(number);
    if (lane === undefined || (lane.waiting.length < MANY && this.#waitingBytes < MANY_BYTES)) return true;
    if (again !== undefined) this.#held.push([lane, again]);
    return false;
  }

  /** Whoever is told brings more at once: called where a turn is over or wholly begun, and nobody is asked twice. */
  #release(): void {
    if (this.#held.length === 0 || this.#waitingBytes >= MANY_BYTES / 2) return;
    const mayGoOn = ([lane]: readonly [lane: Lane, again: () => void]): boolean => lane.waiting.length < MANY / 2;
    const ready = this.#held.filter(mayGoOn);
    this.#held = this.#held.filter((held) => !mayGoOn(held));
    for (const [, again] of ready) again();
  }

  #isPaused({ pausedUntil }: Lane): boolean {
    return this.#options.monotonic() < pausedUntil;
  }

  #next(): void {
    if (this.#running !== undefined) return;
    const found = this.#turn();
    if (found === undefined) return;
    try {
      this.#child ??= this.#start();
    } catch (error) {
      this.#refuseAll(messageOf(error));
      return;
    }
    if (!this.#isReady) return;
    const [number, lane] = found;
    const job = lane.waiting.shift();
    if (job === undefined) return;
    const { bytes, topic, received } = job.frame;
    this.#waitingBytes -= bytes.length;
    // Who had a turn is the last to have one again.
    this.#lanes.delete(number);
    this.#lanes.set(number, lane);
    this.#running = { number, lane, job, began: this.#options.monotonic(), usedBefore: undefined };
    this.#tell({ is: 'map', lane: number, bytes, topic, received });
    this.#look(LOOK_MS);
    this.#release();
  }

  #turn(): readonly [number, Lane] | undefined {
    for (const entry of this.#lanes) if (entry[1].waiting.length > 0) return entry;
    return undefined;
  }

  #look(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#judge(), ms).unref();
  }

  /** Whether the frame has taken too long. */
  #judge(): void {
    const running = this.#running;
    if (running === undefined) return;
    const passed = this.#options.monotonic() - running.began;
    const used = processorMs(this.#child?.pid);
    if (used !== undefined && passed < LONGEST_MS) {
      running.usedBefore ??= used;
      const left = LOOK_MS - (used - running.usedBefore);
      if (left > 0) {
        this.#look(Math.max(TICK_MS, left));
        return;
      }
    } else if (passed < 2 * LOOK_MS) {
      this.#look(LOOK_MS);
      return;
    }
    this.#end();
    this.#strike(running, 'its expressions take longer than 100 ms: is there a loop without an end?');
  }

  #strike({ lane, job }: Running, reason: string): void {
    lane.strikes += 1;
    if (lane.strikes >= STRIKES) {
      lane.pausedUntil = this.#options.monotonic() + PAUSE_MS;
      job.resolve({ ok: false, reason: `${reason} ${PAUSED.reason}` });
      for (const { frame, resolve } of lane.waiting.splice(0)) {
        this.#waitingBytes -= frame.bytes.length;
        resolve(PAUSED);
      }
      this.#release();
    } else job.resolve({ ok: false, reason });
    this.#next();
  }

  #start(): ChildProcess {
    const child = fork(this.#options.program, {
      serialization: 'advanced',
      execArgv: [`--max-old-space-size=${MEMORY_MB}`, '--max-semi-space-size=8'],
      env: {},
      // What it has to say when it runs out of memory is said here.
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    child.on('message', (message: FromMapping) => {
      if (child === this.#child) this.#hear(message);
    });
    child.on('error', (error) => {
      if (child === this.#child) this.#failed(messageOf(error));
    });
    child.on('exit', (code, signal) => {
      if (child === this.#child) this.#failed(signal ?? `exit code ${code}`);
    });
    this.#child = child;
    for (const { learn } of this.#lanes.values()) this.#tell(learn);
    setTimeout(() => {
      if (child === this.#child && !this.#isReady) this.#failed('it does not answer');
    }, LONGEST_START_MS).unref();
    return child;
  }

  #tell(message: ToMapping): void {
    const child = this.#child;
    if (child?.connected)
      child.send(message, (error) => {
        // Its exit is told as well, and says more.
        if (error && child === this.#child && child.exitCode === null) child.kill('SIGKILL');
      });
  }

  #hear(message: FromMapping): void {
    if (message.is === 'ready') this.#isReady = true;
    else {
      const running = this.#running;
      clearTimeout(this.#timer);
      this.#running = undefined;
      if (running !== undefined && this.#lanes.has(running.number)) {
        running.lane.strikes = 0;
        running.job.resolve(
          message.is === 'mapped'
            ? { ok: true, results: message.results }
            : refusalOf(message, running.lane.isPersonal),
        );
      }
    }
    this.#next();
  }

  /** The process is gone, mostly because an expression needs too much memory. */
  #failed(why: string): void {
    const running = this.#running;
    const wasReady = this.#isReady;
    this.#end();
    if (running !== undefined)
      this.#strike(running, `its expressions need too much memory: the process for them ended (${why}).`);
    else if (!wasReady) this.#refuseAll(why);
  }

  /** There is no process; the next frame tries again. */
  #refuseAll(why: string): void {
    this.#waitingBytes = 0;
    const jobs = [...this.#lanes.values()].flatMap(({ waiting }) => waiting.splice(0));
    for (const { resolve } of jobs) resolve({ ok: false, reason: `the process for mappings does not start: ${why}` });
    this.#release();
  }

  #end(): void {
    clearTimeout(this.#timer);
    const child = this.#child;
    this.#child = undefined;
    this.#isReady = false;
    this.#running = undefined;
    child?.kill('SIGKILL');
  }
}

const PAUSED: NotUnderstood = {
  ok: false,
  reason: 'Three frames in a row took too long: this device is paused for a minute. Correct its mapping.',
};

/** They are good frames, of a fast device or of many behind one entry: who sent them keeps them. */
const BUSY: NotUnderstood = {
  ok: false,
  reason: 'more frames come than its expressions can read: too many wait already',
  later: true,
};

/** Messages of JSONata quote what was sent. */
function refusalOf(failure: Extract<FromMapping, { is: 'failed' }>, isPersonal: boolean): NotUnderstood {
  const { kind, code, position, message } = failure;
  const where = position === undefined ? '' : `, character ${position}`;
  const name = code === '' ? '' : ` (${code})`;
  const words = isPersonal ? 'the expression fails here' : maskCardData(message).slice(0, 200);
  return { ok: false, reason: `mapping.${kind}${where}: ${words}${name}` };
}

/** Processor time of a process, ms; undefined where the system does not tell. */
function processorMs(pid: number | undefined): number | undefined {
  try {
    // proc_pid_stat(5): utime and stime are fields 14 and 15, the name in parentheses is the second; in ticks of 10 ms.
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = Number(fields[11]) + Number(fields[12]);
    return Number.isFinite(ticks) ? ticks * TICK_MS : undefined;
  } catch {
    return undefined;
  }
}
