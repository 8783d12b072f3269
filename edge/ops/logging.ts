/**
 * The daemons' logs: JSON lines on stdout for a service manager, readable lines when stdout is a terminal. Every
 * child logger is declared here. Secrets are masked and bytes are shown as their length only, so that no payload,
 * and with it no card or person, can reach a log by accident.
 */
import { createRequire } from 'node:module';
import { type DestinationStream, type Logger, type LoggerOptions, pino, stdSerializers } from 'pino';
import { holdsCardData, maskCardDataIn } from '../contracts/card-data.ts';
import { LogOutput } from './log-output.ts';

export type { Logger } from 'pino';

/** Who writes: one name for each room or seam that has something of its own to tell. */
const PARTS = [
  'door', // devices: broker, HTTP intake
  'devices', // the ways to configured devices
  'journal',
  'rules',
  'notify',
  'http',
  'staff',
  'bridge', // the edge's side of edge.sock, and the bridge's protocol steps
  'link', // the connection to head office's Kafka
  'kafka', // what the Kafka client itself says
] as const;

type LogPart = (typeof PARTS)[number];
export type Loggers = Readonly<Record<LogPart, Logger>>;

const SECRETS = [
  'password',
  'password_hash',
  'passphrase',
  'pin',
  'secret',
  'token',
  'authorization',
  'cookie',
  'payload',
  'sasl',
];

/** Fields named like a secret, at the top and up to two objects deep; a bare `key` is a rule's key and stays. */
const REDACTED = [...SECRETS, 'tls.key'].flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);

function withoutBytes(value: unknown, depth: number): unknown {
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (depth === 0 || value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((element) => withoutBytes(element, depth - 1));
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, withoutBytes(inner, depth - 1)]));
}

export interface LoggingOptions {
  /** Shows level `debug` too; default: where STORE_HUB_DEBUG is 1. */
  readonly debug?: boolean;
  /** Where lines go instead of stdout, as JSON. */
  readonly to?: DestinationStream;
}

function stdout(): DestinationStream {
  if (process.stdout.isTTY) {
    // Loaded for a terminal only: a service pays nothing for it.
    const pretty = createRequire(import.meta.url)('pino-pretty') as typeof import('pino-pretty');
    return pretty({ colorize: true, sync: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l' });
  }
  return new LogOutput(process.stdout);
}

/** A line as it goes out: names that devices chose stand in it, and one of them may be a payment card. */
function withoutCards(line: string): string {
  if (!holdsCardData(line)) return line;
  return `${JSON.stringify(JSON.parse(line), maskCardDataIn)}\n`;
}

/** The root logger of one daemon; its lines carry `daemon`, an ISO time and the level by name. */
export function createLogger(daemon: 'edge' | 'bridge', options: LoggingOptions = {}): Logger {
  const settings: LoggerOptions = {
    level: (options.debug ?? process.env.STORE_HUB_DEBUG === '1') ? 'debug' : 'info',
    base: { daemon },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: REDACTED, censor: '[hidden]' },
    serializers: { err: stdSerializers.err, error: stdSerializers.err },
    hooks: { streamWrite: withoutCards },
    formatters: {
      level: (label) => ({ level: label }),
      log: (fields) => withoutBytes(fields, 3) as Record<string, unknown>,
    },
  };
  return pino(settings, options.to ?? stdout());
}

/** The child loggers of a daemon, one for each part; their lines carry `part`. */
export function childLoggers(root: Logger): Loggers {
  return Object.fromEntries(PARTS.map((part) => [part, root.child({ part })])) as Record<LogPart, Logger>;
}
