/**
 * Where files of configured devices come in: the codec reads their records, the hub's own schemas judge them, the
 * journal takes them with the position up to which the file was read. The desk for frames (device-desk.ts) does the
 * same for what comes at once.
 */
import { maskCardData } from './contracts/card-data.ts';
import type { CodecName, DeviceConfig } from './contracts/devices.ts';
import type { FileIntake } from './contracts/files.ts';
import type { FileReader, FileRecord, Format, NotUnderstood, Said } from './contracts/formats.ts';
import type { AcceptedReading, Intake, Part, Receipt, SourcePosition } from './contracts/intake.ts';
import type { Kind } from './contracts/readings.ts';
import { FRAME_KIND } from './device-desk.ts';
import type { DeviceRegister } from './device-register.ts';
import type { DecodedPayload } from './devices/codec.ts';

type Judge = (kind: Kind, device: string, readings: readonly unknown[], received: number) => DecodedPayload;

export interface FileDeskParts {
  readonly devices: readonly DeviceConfig[];
  readonly formatOf: (codec: CodecName) => Format | undefined;
  /** The hub's own schemas; `check` counts nothing. */
  readonly judge: Judge;
  readonly check: Judge;
  readonly intake: Intake;
  /** Is told what each device said, and what was wrong with it. */
  readonly register?: Pick<DeviceRegister, 'seen' | 'refused'>;
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
    const judged = this.#parts.check(said.kind, speaker(said, device), [said.reading], received);
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
    const { parts, counted, fault } = this.#judged(device, records, received);
    if (fault !== undefined) {
      this.refuse(device, fault, received, position, done);
      return;
    }
    const readings = parts.flatMap((part) => part.readings);
    this.#parts.register?.seen(device, received, { kind: 'sale', readings, counted });
    const [first = { kind: 'status', device, received, readings: [] } satisfies Part, ...also] = parts;
    const delivery = { ...first, position, also: also.length > 0 ? also : undefined };
    this.#parts.intake.deliver(delivery, (receipt) => {
      if (receipt.outcome !== 'accepted') done(receipt);
      else done({ outcome: 'accepted', accepted: receipt.accepted + counted, repeated: receipt.repeated });
    });
  }

  refuse(
    device: string,
    reason: string,
    received: number,
    position: SourcePosition,
    done: (receipt: Receipt) => void,
  ): void {
    const { intake, register } = this.#parts;
    register?.refused(device, received, reason);
    intake.refuse({ kind: FRAME_KIND, device, received, reason, pointers: [], bytes: null, position }, done);
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
  ): { parts: Part[]; counted: number; fault?: string } {
    // In the order of the file: neighbouring records of one device are a part.
    const runs: { kind: Kind; device: string; received: number; readings: AcceptedReading[] }[] = [];
    let counted = 0;
    for (const { said, where } of records) {
      const { kind, reading, history } = said;
      const of = speaker(said, device);
      const judged = this.#parts.judge(kind, of, [reading], received);
      if (!judged.ok) return { parts: [], counted: 0, fault: `${where}: ${judged.reason}` };
      counted += judged.counted;
      if (judged.readings.length === 0) continue;
      let run = runs.at(-1);
      if (run === undefined || run.kind !== kind || run.device !== of) {
        run = { kind, device: of, received, readings: [] };
        runs.push(run);
      }
      for (const accepted of judged.readings) run.readings.push(history ? { ...accepted, history } : accepted);
    }
    return { parts: runs, counted };
  }
}

/** A name out of a file ends in events, too. */
function speaker(said: Said, device: string): string {
  return said.device === undefined ? device : maskCardData(said.device);
}
