/** For the abuse suite: a well-behaved neighbour that measures its PUBACKs, and what attackers do. */
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { connectPacket, packet, publishPacket, RawMqtt, subscribePacket } from './devices/raw-mqtt.ts';

/** Publishes 50 readings a second at QoS 1, and knows how long each PUBACK took. */
export class Neighbour {
  readonly #raw: RawMqtt;
  readonly #sent: number[] = [];
  readonly #took: number[] = [];
  #acknowledged = 0;
  #timer: NodeJS.Timeout | undefined;

  private constructor(raw: RawMqtt) {
    this.#raw = raw;
  }

  static async start(port: number): Promise<Neighbour> {
    const neighbour = new Neighbour(await RawMqtt.open(port, { id: 'neighbour', keepAlive: 30 }));
    neighbour.#raw.socket.on('data', () => neighbour.#look());
    neighbour.#timer = setInterval(() => neighbour.#publish(), 20);
    return neighbour;
  }

  get closed(): boolean {
    return this.#raw.closed;
  }

  #publish(): void {
    const payload = JSON.stringify({ line: 'door', in: 1, out: 0, id: `n-${this.#sent.length}` });
    this.#sent.push(performance.now());
    this.#raw.send(publishPacket('in/traffic/door', payload, 1, this.#sent.length));
  }

  #look(): void {
    const { acknowledged } = this.#raw;
    for (; this.#acknowledged < acknowledged.length; this.#acknowledged += 1) {
      const sent = this.#sent[(acknowledged[this.#acknowledged] ?? 0) - 1];
      this.#took.push(performance.now() - (sent ?? 0));
    }
  }

  /** Milliseconds of all publishes since the last call; one without an answer counts with its age. */
  measure(): { publishes: number; p50: number; p99: number; most: number } {
    const now = performance.now();
    const open = this.#sent.slice(this.#acknowledged).map((sent) => now - sent);
    const all = [...this.#took.splice(0), ...open].sort((a, b) => a - b);
    const at = (share: number) => Math.round(all[Math.min(all.length - 1, Math.floor(all.length * share))] ?? 0);
    return { publishes: all.length, p50: at(0.5), p99: at(0.99), most: at(1) };
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#raw.socket.destroy();
  }
}

/** What one attack may use; everything it opens is closed at its end. */
export class Attackers {
  readonly mqtt: number;
  readonly http: number;
  readonly #sockets = new Set<Socket>();
  running = true;
  opened = 0;

  constructor(mqtt: number, http: number) {
    this.mqtt = mqtt;
    this.http = http;
  }

  dial(port: number, first?: Uint8Array | string): Socket {
    const socket = connect({ port, host: '127.0.0.1' });
    this.opened += 1;
    this.#sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => this.#sockets.delete(socket));
    if (first !== undefined) socket.write(first);
    return socket;
  }

  /** Connects, and sends the same bytes as fast as they are taken, again from a new connection when it is closed. */
  flood(id: string, bytes: Uint8Array, clean = true): void {
    if (!this.running) return;
    const socket = this.dial(this.mqtt, connectPacket({ id, clean }));
    socket.resume();
    const write = (): void => {
      while (this.running && !socket.destroyed) {
        if (socket.write(bytes)) continue;
        socket.once('drain', write);
        return;
      }
    };
    socket.once('data', write);
    socket.once('close', () => void delay(10).then(() => this.flood(id, bytes, clean)));
  }

  /** Calls it again and again, `rate` times a second. */
  each(rate: number, step: (count: number) => void): void {
    const begun = performance.now();
    let count = 0;
    const timer = setInterval(() => {
      if (!this.running) clearInterval(timer);
      else while (count < ((performance.now() - begun) / 1000) * rate) step(count++);
    }, 5);
  }

  stop(): void {
    this.running = false;
    for (const socket of this.#sockets) socket.destroy();
  }
}

const times = (count: number, bytes: Uint8Array) => Buffer.concat(Array.from({ length: count }, () => bytes));
const crossed = '{"line":"a","in":1,"out":0}';
const arrayOf = (count: number) => `[${Array(count).fill(crossed).join(',')}]`;

export interface Attack {
  readonly name: string;
  /** Counters of `/metrics` (with labels, if any) that must have moved. */
  readonly moves: readonly string[];
  readonly run: (by: Attackers) => void;
}

const closed = (reason: string) => `store_hub_connections_closed_total{reason="${reason}"}`;

export const attacks: readonly Attack[] = [
  {
    name: 'QoS 0 flood, 4 connections',
    moves: ['store_hub_publishes_total{qos="0"}'],
    run: (by) => {
      for (let i = 0; i < 4; i += 1) by.flood(`f${i}`, times(2000, publishPacket('in/traffic/a', crossed, 0)));
    },
  },
  {
    name: 'QoS 0 flood of what is refused',
    moves: ['store_hub_publishes_total{qos="0"}'],
    run: (by) => by.flood('f', times(2000, publishPacket('in/sale/a', '{}', 0))),
  },
  {
    name: 'QoS 1 flood, 8 connections',
    moves: ['store_hub_publishes_total{qos="1"}'],
    run: (by) => {
      for (let i = 0; i < 8; i += 1) by.flood(`f${i}`, times(2000, publishPacket('in/traffic/a', crossed, 1)));
    },
  },
  {
    name: 'PINGREQ flood',
    moves: ['store_hub_clients_slowed_total'],
    run: (by) => by.flood('f', times(20_000, Buffer.from([0xc0, 0]))),
  },
  {
    name: '3,000 silent sockets',
    moves: [closed('silent')],
    run: (by) => by.each(1500, (count) => count < 3000 && by.dial(by.mqtt)),
  },
  {
    name: 'giant and partial packets',
    moves: [closed('broken-packet')],
    run: (by) => {
      const whole = publishPacket('in/sale/a', Buffer.alloc(1_000_000, ' '), 1, 1);
      by.each(50, (count) => {
        const id = connectPacket({ id: `p${count}` });
        by.dial(
          by.mqtt,
          Buffer.concat([id, count % 2 ? whole.subarray(0, 900_000) : Buffer.from([0x32, 0xff, 0xff, 0x7f])]),
        );
      });
    },
  },
  {
    name: 'SUBSCRIBE bombs, 4 connections',
    moves: [closed('broken-packet')],
    run: (by) => {
      const filters = Array.from({ length: 64 }, (_, i) => [`out/${i}/+/#`, 1] as const);
      for (let i = 0; i < 4; i += 1) by.flood(`s${i}`, times(50, subscribePacket(filters)), i % 2 === 0);
    },
  },
  {
    name: 'reconnect storm, 300/s',
    moves: [],
    run: (by) =>
      by.each(300, (count) => {
        const socket = by.dial(by.mqtt, connectPacket({ id: `r${count % 50}`, clean: count % 2 === 0 }));
        socket.once('data', () => socket.destroy());
      }),
  },
  {
    name: 'hostile topics and packets',
    moves: [closed('bad-topic'), closed('forbidden-topic'), closed('mqtt-5')],
    run: (by) => {
      const topics = [
        'in/sale/a\0',
        `in/${'a/'.repeat(500)}`,
        'in/+/x',
        'x'.repeat(60_000),
        '$SYS/x',
        'out/x',
        'in//\u0001',
      ];
      by.each(100, (count) => {
        const topic = topics[count % topics.length] ?? '';
        by.dial(by.mqtt, Buffer.concat([connectPacket({ id: `t${count}` }), publishPacket(topic, '{}', 1)]));
        if (count % 10 === 0) {
          by.dial(by.mqtt, packet(0x10, Buffer.from([0, 4, 0x4d, 0x51, 0x54, 0x54, 5, 2, 0, 60, 0, 0, 1, 0x78])));
          by.dial(by.mqtt, Buffer.from(Array.from({ length: 64 }, (_, i) => (i * 37 + count) & 0xff)));
        }
      });
    },
  },
  {
    name: 'arrays of 1,000 and 1,001, deep JSON, huge numbers',
    moves: ['store_hub_publishes_total{qos="1"}'],
    run: (by) => {
      const payloads = [arrayOf(1000), arrayOf(1001), '['.repeat(1_000_000), `{"in":${'9'.repeat(500_000)}}`];
      for (const [i, payload] of payloads.entries()) by.flood(`a${i}`, publishPacket('in/traffic/a', payload, 1));
    },
  },
  {
    name: 'slow HTTP, 600 connections',
    moves: ['store_hub_http_connections_replaced_total'],
    run: (by) => {
      const slow: Socket[] = [];
      by.each(300, (count) => {
        const body = 'POST /in/sale/a HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100000\r\n\r\n{';
        if (count < 600) slow.push(by.dial(by.http, count % 2 ? body : 'GET / HTTP/1.1\r\nhost: lo'));
        else slow[count % 600]?.write('x');
      });
    },
  },
  {
    name: '260 stalled readers of /api/live, alerts flowing',
    moves: ['store_hub_live_readers_refused_total'],
    run: (by) => {
      for (let i = 0; i < 260; i += 1) by.dial(by.http, 'GET /api/live HTTP/1.1\r\nhost: localhost\r\n\r\n').pause();
      // Alerts come and go meanwhile.
      const shelf = (count: number) => publishPacket('in/shelf/s', `{"shelf":"A1-1","count":${count}}`, 1);
      by.flood('shelf', times(20, Buffer.concat([shelf(0), shelf(12)])));
    },
  },
];

/** Of a process, in MiB. */
export function residentMb(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) / 1024;
}

/** `MemoryMax` of the unit, in MiB. */
export function memoryMaxMb(): number {
  const unit = readFileSync(new URL('../systemd/store-hub-edge.service', import.meta.url), 'utf8');
  const found = /^MemoryMax=(\d+)M$/m.exec(unit)?.[1];
  if (found === undefined) throw new Error('the unit has no MemoryMax in M');
  return Number(found);
}
