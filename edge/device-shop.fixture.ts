/** Devices before a real writer, in one process: frames go in at the desk, events come out of the journal. */
import { formatOf } from './codecs/all-formats.fixture.ts';
import { HubJson } from './codecs/hub-json.ts';
import { maskedCopy } from './codecs/masking.ts';
import type { Alert } from './contracts/alerts.ts';
import type { DeviceConfig } from './contracts/devices.ts';
import type { Format } from './contracts/formats.ts';
import type { Delivery, Intake, Receipt, Refusal } from './contracts/intake.ts';
import { isKind } from './contracts/readings.ts';
import { STREAMS } from './contracts/streams.ts';
import { DeviceDesk } from './device-desk.ts';
import { DeviceRegister } from './device-register.ts';
import { DeviceWatch } from './device-watch.ts';
import { JournalReader } from './journal/reader.ts';
import { batchOf, Clocks, openWriter, temporaryFolder, WATER } from './writer.fixture.ts';
import type { Writer, WriterOptions } from './writer.ts';

export function deviceConfig(name: string, change: Partial<DeviceConfig> = {}): DeviceConfig {
  return { name, codec: 'hub', calibration: { celsius: 0, weight: 1 }, ...change };
}

export class DeviceShop {
  readonly clocks = new Clocks();
  readonly folder = temporaryFolder();
  readonly register: DeviceRegister;
  readonly #watch: DeviceWatch;
  #newest = '';
  readonly #desk: DeviceDesk;
  readonly #decoder: HubJson;
  readonly #options: Partial<WriterOptions>;
  writer: Writer;
  /** Each change of an alert, in order. */
  readonly alerts: Alert[] = [];

  constructor(devices: readonly DeviceConfig[], options: Partial<WriterOptions> = {}, format?: Format) {
    this.#options = { devices, ...options };
    this.writer = openWriter(this.folder, this.clocks, this.#options);
    this.writer.tick(true);
    this.#decoder = new HubJson({
      facing: (shelf) => (shelf === WATER.shelf ? WATER : undefined),
      dayAt: () => '2026-11-20',
      conceal: (text) => text,
    });
    this.register = new DeviceRegister(devices, maskedCopy);
    this.#watch = new DeviceWatch({
      ...{ devices, register: this.register, synced: () => true },
      tell: async () => undefined,
    });
    this.#watch.start();
    this.#desk = new DeviceDesk({
      ...{ devices, mask: maskedCopy, register: this.register, intake: this.#intake() },
      formatOf: (codec) => format ?? formatOf(codec),
      judge: this.#decoder.judge,
    });
    this.#desk.start();
  }

  /** A frame of a device with a codec. */
  frame(device: string, content: unknown, topic?: string): Receipt {
    const bytes = Buffer.from(typeof content === 'string' ? content : JSON.stringify(content));
    let answer: Receipt | undefined;
    this.#desk.take(device, { bytes, topic, received: this.clocks.wallMs }, (receipt) => {
      answer = receipt;
    });
    if (answer === undefined) throw new Error('no receipt');
    return answer;
  }

  /** A publish to `in/<kind>/<device>`. */
  says(kind: string, device: string, reading: unknown): Receipt {
    if (!isKind(kind)) throw new Error(`no kind ${kind}`);
    const { wallMs } = this.clocks;
    const decoded = this.#decoder.judge(kind, device, [reading], wallMs);
    if (!decoded.ok) throw new Error(decoded.reason);
    this.register.seen(device, wallMs, { kind, readings: decoded.readings, counted: decoded.counted });
    return this.#store({ kind, device, received: wallMs, readings: decoded.readings });
  }

  /** Time passes; before it, who was heard is told of, as once a second. */
  pass(ms: number): void {
    this.#tellHeard();
    this.clocks.pass(ms);
    this.#alerted(this.writer.tick(true).alerts);
  }

  /** What staff do with the newest alert. */
  act(action: 'acknowledge' | 'snooze' | 'dismiss' | 'resolve', minutes?: number): void {
    const alert = this.#newest;
    const reason = action === 'dismiss' ? 'other' : undefined;
    const reply = this.writer.process(batchOf([], [{ op: 'act', command: { alert, action, minutes, reason } }]));
    if (reply.answers[0]?.ok !== true) throw new Error(`${action} was refused`);
    this.#alerted(reply.alerts);
  }

  /** Alerts that have not ended. */
  open(): Alert[] {
    const reader = JournalReader.open(this.folder);
    const open = reader.alerts(false);
    reader.close();
    return [...open];
  }

  /** As after a crash, or with another configuration; `away`: for how long the hub was down. */
  restart(change: Partial<WriterOptions> = {}, away = 0): void {
    this.#tellHeard();
    this.writer.close();
    this.clocks.pass(away);
    this.writer = openWriter(this.folder, this.clocks, { ...this.#options, ...change });
    this.#alerted(this.writer.tick(true).alerts);
  }

  /** Of all streams, in order. */
  events(type?: string): { type: string; time: number; history: boolean; source: string; data: unknown }[] {
    const reader = JournalReader.open(this.folder);
    const rows = STREAMS.flatMap((stream) => reader.rows(stream, this.writer.incarnation, 0, 10_000));
    reader.close();
    return rows
      .sort((a, b) => a.sequence - b.sequence)
      .filter((row) => type === undefined || row.type === type)
      .map(({ type: is, time, history, source, data }) => ({
        ...{ type: is, time, history, source },
        data: JSON.parse(data),
      }));
  }

  close(): void {
    this.#watch.stop();
    this.#desk.stop();
    this.writer.close();
  }

  #intake(): Intake {
    return {
      deliver: (delivery, done) => done(this.#store(delivery)),
      refuse: (refusal, done) => done(this.#store(refusal)),
    };
  }

  #store(unit: Delivery | Refusal): Receipt {
    const reply = this.writer.process(batchOf([unit]));
    this.#alerted(reply.alerts);
    return reply.receipts[0] ?? { outcome: 'accepted', accepted: 1, repeated: 0 };
  }

  #tellHeard(): void {
    const devices = this.#watch.take();
    if (devices.length > 0) this.#alerted(this.writer.process(batchOf([], [{ op: 'heard', devices }])).alerts);
  }

  #alerted(alerts: readonly Alert[]): void {
    this.#newest = alerts.at(-1)?.id ?? this.#newest;
    this.alerts.push(...alerts);
  }
}
