/**
 * Where files of configured devices come in: the codec reads their records, the hub's own schemas judge them, the
 * journal takes them with the position up to which the file was read. The desk for frames (device-desk.ts) does the
 * same for what comes at once.
 */
import type { CodecName, DeviceConfig } from './contracts/devices.ts';
import type { FileIntake } from './contracts/files.ts';
import type { FileReader, FileRecord, Format, NotUnderstood } from './contracts/formats.ts';
import type { AcceptedReading, Delivery, Intake, Receipt, SourcePosition } from './contracts/intake.ts';
import type { Kind } from './contracts/readings.ts';
import { FRAME_KIND } from './device-desk.ts';
import type { DecodedPayload } from './devices/codec.ts';

type Judge = (kind: Kind, device: string, readings: readonly unknown[], received: number) => DecodedPayload;

export interface FileDeskParts {
  readonly devices: readonly DeviceConfig[];
  readonly formatOf: (codec: CodecName) => Format | undefined;
  /** The hub's own schemas; `check` counts nothing. */
  readonly judge: Judge;
  readonly check: Judge;
  readonly intake: Intake;
  readonly positionsOf: (prefix: string) => Promise<readonly SourcePosition[]>;
  readonly forget: (sources: readonly string[]) => Promise<void>;
}

export class FileDesk implements FileIntake {
  readonly #parts: FileDeskParts;

  constructor(parts: FileDeskParts) {
    this.#parts = parts;
  }

  open(device: string): FileReader {
    const config = this.#parts.devices.find(({ name }) => name === device);
    const reader = config === undefined ? undefined : this.#parts.formatOf(config.codec)?.file?.(config);
    if (reader === undefined) throw new Error(`no files are read for ${device}`);
    return reader;
  }

  check(device: string, { said, where }: FileRecord, received: number): NotUnderstood | undefined {
    const judged = this.#parts.check(said.kind, said.device ?? device, [said.reading], received);
    if (judged.ok) return undefined;
    return { ok: false, reason: `${where}: ${judged.reason.replace(/^\/0/, '')}`, pointers: judged.pointers };
  }

  give(
    device: string,
    records: readonly FileRecord[],
    received: number,
    position: SourcePosition,
    done: (receipt: Receipt) => void,
  ): void {
    const { deliveries, counted, fault } = this.#judged(device, records, received);
    if (fault !== undefined) {
      this.refuse(device, fault, received, position, done);
      return;
    }
    const last = deliveries.pop() ?? { kind: 'status', device, received, readings: [] };
    let accepted = counted;
    let repeated = 0;
    // One after the other: the position must not be stored before all that it covers.
    const next = (at: number): void => {
      const delivery = deliveries[at] ?? { ...last, position };
      this.#parts.intake.deliver(delivery, (receipt) => {
        if (receipt.outcome === 'not-stored') {
          done(receipt);
          return;
        }
        // What the writer itself could not digest is kept as a dead letter: the rest goes on.
        if (receipt.outcome === 'accepted') {
          accepted += receipt.accepted;
          repeated += receipt.repeated;
        }
        if (at < deliveries.length) next(at + 1);
        else done(receipt.outcome === 'accepted' ? { outcome: 'accepted', accepted, repeated } : receipt);
      });
    };
    next(0);
  }

  refuse(
    device: string,
    reason: string,
    received: number,
    position: SourcePosition,
    done: (receipt: Receipt) => void,
  ): void {
    const { intake } = this.#parts;
    intake.refuse({ kind: FRAME_KIND, device, received, reason, pointers: [], bytes: null }, (receipt) => {
      if (receipt.outcome === 'not-stored') {
        done(receipt);
        return;
      }
      // A crash between the two makes the same letter once more, which is counted.
      intake.deliver({ kind: 'status', device, received, readings: [], position }, (moved) =>
        done(moved.outcome === 'accepted' ? receipt : moved),
      );
    });
  }

  positionsOf(prefix: string): Promise<readonly SourcePosition[]> {
    return this.#parts.positionsOf(prefix);
  }

  forget(sources: readonly string[]): Promise<void> {
    return this.#parts.forget(sources);
  }

  #judged(
    device: string,
    records: readonly FileRecord[],
    received: number,
  ): { deliveries: Delivery[]; counted: number; fault?: string } {
    const groups = new Map<string, { kind: Kind; device: string; received: number; readings: AcceptedReading[] }>();
    let counted = 0;
    for (const { said, where } of records) {
      const { kind, reading, history, device: of = device } = said;
      const judged = this.#parts.judge(kind, of, [reading], received);
      if (!judged.ok) return { deliveries: [], counted: 0, fault: `${where}: ${judged.reason}` };
      counted += judged.counted;
      const key = `${kind} ${of}`;
      const group = groups.get(key) ?? { kind, device: of, received, readings: [] };
      groups.set(key, group);
      for (const accepted of judged.readings) group.readings.push(history ? { ...accepted, history } : accepted);
    }
    return { deliveries: [...groups.values()].filter(({ readings }) => readings.length > 0), counted };
  }
}
