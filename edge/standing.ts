/** How the edge stands, for `/health/ready`, `/status` and the log: health is progress, and each reason is a sentence. */
import type { Stream } from './contracts/streams.ts';
import type { Figures } from './crossing.ts';
import { type Dropping, droppedText } from './dropping.ts';
import { salvagedText } from './journal/damage.ts';
import type { JournalReader } from './journal/reader.ts';
import type { Readiness } from './ops/health.ts';
import type { Logger } from './ops/logging.ts';
import type { Rates } from './ops/rate-window.ts';
import type { DeadAntenna } from './sensing/tag-presence.ts';

const WAL_ALARM_BYTES = 256 * 1024 * 1024;
const CLOUD_LATE_S = 300;
const NEARLY_FULL = 0.9;
const SHOPPERS_LOST =
  'shoppers.db was damaged, missing or older than the journal: consent that it did not hold for certain counts as withdrawn';

const MOST_NAMED = 5;

export class Standing {
  readonly #cloud: boolean;
  readonly #logger: Logger;
  readonly #further: (() => readonly string[])[] = [];
  #figures: Figures | undefined;
  #reader: JournalReader | undefined;

  constructor(cloud: boolean, logger: Logger) {
    this.#cloud = cloud;
    this.#logger = logger;
  }

  /** Further reasons, asked for each time, one sentence each. */
  alsoSay(reasons: () => readonly string[]): void {
    this.#further.push(reasons);
  }

  watch(reader: JournalReader): void {
    this.#reader = reader;
  }

  get disk(): { usedBytes: number; walBytes: number; filled: number } {
    const { usedBytes = 0, walBytes = 0, filled = 0 } = this.#figures ?? {};
    return { usedBytes, walBytes, filled };
  }

  /** Since start: sales whose shopper was left out for want of consent. */
  get shoppersRemoved(): number {
    return this.#figures?.shoppersRemoved ?? 0;
  }

  /** Names of devices that say nothing any more. */
  get quiet(): readonly string[] {
    return this.#figures?.quiet ?? [];
  }

  /** Events dropped for want of space since start, by stream. */
  get dropped(): Readonly<Partial<Record<Stream, number>>> {
    return this.#figures?.dropped ?? {};
  }

  /** Antennas of RFID readers that read nothing. */
  get deadAntennas(): readonly DeadAntenna[] {
    return this.#figures?.items.dead ?? [];
  }

  onCommit(figures: Figures): void {
    const before = this.#figures?.refusing;
    if (figures.shoppersLost && !this.#figures?.shoppersLost) this.#logger.error(SHOPPERS_LOST);
    this.#logDropping(this.#figures?.dropping, figures.dropping);
    this.#figures = figures;
    if (figures.refusing === before) return;
    if (figures.refusing === undefined) this.#logger.info('readings are stored again');
    else
      this.#logger.error(
        { reason: figures.refusing },
        'readings are not stored: devices keep them and send them again',
      );
  }

  #logDropping(before: Dropping | undefined, now: Dropping | undefined): void {
    if (!now || now.isOver === (before?.isOver ?? true)) return;
    const said = now.isOver ? 'no more events are dropped' : 'events are being dropped: the disk budget is used up';
    this.#logger.warn({ dropped: now.counts, since: new Date(now.since).toISOString() }, said);
  }

  readiness(): Readiness {
    const figures = this.#figures;
    const reasons: string[] = [];
    if (figures?.refusing !== undefined) reasons.push(`nothing is stored: ${figures.refusing}`);
    if (figures?.trouble !== undefined) reasons.push(figures.trouble);
    if (figures?.shoppersLost) reasons.push(SHOPPERS_LOST);
    for (const { rule, key, fault } of figures?.quarantined ?? []) {
      reasons.push(`rule ${rule} is switched off for ${key}, because it failed: ${fault}`);
    }
    if (this.disk.walBytes > WAL_ALARM_BYTES)
      reasons.push('the write-ahead log is over 256 MiB: something keeps a reader open');
    reasons.push(...this.#spaceReasons());
    if (figures?.dropping) reasons.push(droppedText(figures.dropping));
    if ((figures?.items.turnedAway ?? 0) > 0)
      reasons.push(
        `${figures?.items.known} items with RFID tags are known, and no more are taken in: new ones only count`,
      );
    const { events, oldest_age_s } = this.buffer();
    if (this.#cloud && oldest_age_s > CLOUD_LATE_S) {
      reasons.push(
        `head office is behind: ${events} events wait, the oldest for ${Math.round(oldest_age_s / 60)} minutes`,
      );
    }
    const quiet = figures?.quiet ?? [];
    if (quiet.length > 0) reasons.push(quietText(quiet));
    if (this.deadAntennas.length > 0) reasons.push(deadText(this.deadAntennas));
    if (this.#reader?.alerts(false).some(({ rule }) => rule === 'journal-damage')) {
      const salvage = this.#reader.lastSalvage();
      reasons.push(salvage === undefined ? 'the journal was damaged' : salvagedText(JSON.parse(salvage)));
    }
    const letters = this.#reader?.deadLetterTotals().letters ?? 0;
    if (letters > 0)
      reasons.push(`${letters} dead ${letters === 1 ? 'letter' : 'letters'}: see \`store-hub dead-letters list\``);
    for (const further of this.#further) reasons.push(...further());
    return { ready: this.#reader !== undefined && figures?.refusing === undefined, reasons };
  }

  #spaceReasons(): string[] {
    const { filled } = this.disk;
    if (filled < NEARLY_FULL) return [];
    const what = this.#cloud ? 'what head office does not have' : 'what is to be kept';
    const then = 'when it is full, the oldest of the least valuable is dropped';
    return [`the disk budget is ${Math.round(filled * 100)} % full of ${what}: ${then}`];
  }

  /** What waits for head office; without a cloud nothing waits. */
  buffer(): { events: number; bytes: number; oldest_age_s: number } {
    const buffer = this.#cloud ? this.#reader?.buffer() : undefined;
    const oldest = buffer?.oldestReceived;
    const age = oldest === undefined ? 0 : Math.max(0, (Date.now() - oldest) / 1000);
    return { events: buffer?.events ?? 0, bytes: buffer?.bytes ?? 0, oldest_age_s: Math.round(age * 10) / 10 };
  }

  quarantinedByRule(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { rule } of this.#figures?.quarantined ?? []) counts.set(rule, (counts.get(rule) ?? 0) + 1);
    return counts;
  }

  /** One line for `systemctl status`. */
  line(rates: Rates): string {
    const { ready, reasons } = this.readiness();
    const alerts = this.#reader?.alerts(false).length ?? 0;
    const figures = [
      `${Math.round(rates.eventsPerSecond * 10) / 10} events/s`,
      `${alerts} ${alerts === 1 ? 'alert' : 'alerts'}`,
      ...(this.#cloud ? [`${this.buffer().events} events wait for head office`] : []),
    ];
    return [ready ? 'serving devices' : 'not storing', ...figures, ...reasons.slice(0, 2)].join('; ');
  }

  status(rates: Rates) {
    return {
      ...this.readiness(),
      events_per_s: Math.round(rates.eventsPerSecond * 10) / 10,
      bytes_per_s: Math.round(rates.bytesPerSecond),
      alerts: this.#reader?.alerts(false).length ?? 0,
      quiet: this.#figures?.quiet ?? [],
      buffer: this.buffer(),
      dropped: this.dropped,
    };
  }
}

function quietText(devices: readonly string[]): string {
  const more = devices.length > MOST_NAMED ? ` and ${devices.length - MOST_NAMED} more` : '';
  const [is, them] = devices.length === 1 ? ['device is', 'it'] : ['devices are', 'them'];
  return `${devices.length} ${is} quiet: ${devices.slice(0, MOST_NAMED).join(', ')}${more}; the staff page says what to do about ${them}`;
}

function deadText(dead: readonly DeadAntenna[]): string {
  const more = dead.length > MOST_NAMED ? ` and ${dead.length - MOST_NAMED} more` : '';
  const named = dead.slice(0, MOST_NAMED).map(({ reader, antenna }) => `${antenna ?? 'the one'} of ${reader}`);
  const [reads, them] = dead.length === 1 ? ['antenna reads', 'it'] : ['antennas read', 'them'];
  return `${dead.length} ${reads} nothing: ${named.join(', ')}${more}; the staff page says what to do about ${them}`;
}
