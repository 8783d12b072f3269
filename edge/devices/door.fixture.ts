/** A door on a free port for tests, with an intake that answers at once, and what the door logged and wanted kept. */
import { pino } from 'pino';
import type { SavedSessions, SessionChange } from '../contracts/sessions.ts';
import { ControlledIntake, plainCodec } from './controlled-intake.ts';
import type { DoorLimits, MqttDoorOptions } from './door-options.ts';
import { MqttDoor } from './mqtt-door.ts';

export interface OpenDoor {
  readonly door: MqttDoor;
  readonly port: number;
  readonly intake: ControlledIntake;
  readonly logged: string[];
  readonly kept: SessionChange[];
}

export async function openDoor(
  limits: Partial<DoorLimits> = {},
  keep?: MqttDoorOptions['keep'],
  saved?: SavedSessions,
): Promise<OpenDoor> {
  const intake = new ControlledIntake();
  const logged: string[] = [];
  const kept: SessionChange[] = [];
  const logger = pino({ level: 'debug' }, { write: (line: string) => void logged.push(line) });
  const door = new MqttDoor({
    listen: { host: '127.0.0.1', port: 0 },
    intake,
    codec: plainCodec,
    logger,
    limits,
    keep: keep ?? (async (changes) => void kept.push(...changes)),
  });
  const { port } = await door.start(saved);
  return { door, port, intake, logged, kept };
}
