/** `status`: asks both daemons, each over its own door, and shows what is known when one is down. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { z } from 'zod';
import type { StoreConfig } from '../../config/schema.ts';
import { type Address, addressText } from '../../config/values.ts';
import { EDGE_SOCKET, vectorSchema } from '../contracts/edge-socket.ts';
import { damaged, HubError, isDamage } from '../contracts/errors.ts';
import { JournalReader } from '../journal/reader.ts';
import { edgeRequest } from '../ops/edge-request.ts';
import { configOf } from './settings.ts';
import { bytesText, json, line, secondsText, table } from './terminal.ts';

const bufferSchema = z.object({ events: z.number(), bytes: z.number(), oldest_age_s: z.number() });

const edgeSchema = z.object({
  ready: z.boolean(),
  reasons: z.array(z.string()).default([]),
  events_per_s: z.number(),
  bytes_per_s: z.number(),
  alerts: z.number(),
  quiet: z.array(z.string()),
  dropped: z.record(z.string(), z.number()).default({}),
  buffer: bufferSchema,
});

const bridgeSchema = z.object({
  state: z.string(),
  reason: z.string().nullish(),
  lag: vectorSchema,
});

const NO_CLOUD = 'there is no cloud in the configuration';

/** Milliseconds that one daemon may take to answer. */
const PATIENCE = 3_000;

interface Status {
  readonly hub: string;
  readonly edge: {
    readonly up: boolean;
    readonly ready: boolean;
    readonly reasons: readonly string[];
    readonly events_per_s: number;
    readonly bytes_per_s: number;
  };
  readonly bridge: { readonly up: boolean; readonly state: string | null; readonly reason: string | null };
  /** From the edge, or from the journal when it is down; null when neither can be read. */
  readonly buffer: z.infer<typeof bufferSchema> | null;
  readonly lag: z.infer<typeof vectorSchema> | null;
  readonly alerts: number | null;
  readonly quiet: readonly string[];
  /** Events let go for want of space since the edge's start, by stream. */
  readonly dropped: Readonly<Record<string, number>>;
}

export function addStatus(program: Command): void {
  program
    .command('status')
    .description('how both daemons are: buffer, lag, event rate, throughput, alerts, quiet devices')
    .option('--json', 'print one JSON object')
    .addHelpText('after', '\nExit code 0 if the edge is up, 1 if not.')
    .action(async (options: { json?: boolean }, command: Command) => {
      const { config } = configOf(command);
      const status = await gather(config);
      if (!status.edge.up) process.exitCode = 1;
      if (options.json) await json(status);
      else await line(text(status, config.cloud !== undefined));
    });
}

async function gather(config: StoreConfig): Promise<Status> {
  const [edge, bridge] = await Promise.all([askEdge(config), askBridge(config)]);
  if (typeof edge !== 'string') {
    const { ready, reasons, events_per_s, bytes_per_s, alerts, quiet, buffer, dropped } = edge;
    return {
      hub: config.hub,
      edge: { up: true, ready, reasons, events_per_s, bytes_per_s },
      ...bridge,
      buffer,
      alerts,
      quiet,
      dropped,
    };
  }
  const { fault, ...journal } = fromJournal(config);
  const reasons = fault === undefined ? [edge] : [edge, fault];
  const down = { up: false, ready: false, reasons, events_per_s: 0, bytes_per_s: 0 };
  return { hub: config.hub, edge: down, ...bridge, ...journal, quiet: [], dropped: {} };
}

/** The edge's status, or a sentence when there is none. */
async function askEdge(config: StoreConfig): Promise<z.infer<typeof edgeSchema> | string> {
  try {
    const socket = join(config.data_dir, EDGE_SOCKET);
    const { status, body } = await edgeRequest(socket, 'GET', '/status', undefined, { timeout: PATIENCE });
    return status === 200 ? edgeSchema.parse(body) : `the edge answers ${status} on edge.sock`;
  } catch (error) {
    if (error instanceof HubError) return error.message;
    throw error;
  }
}

async function askBridge(config: StoreConfig): Promise<Pick<Status, 'bridge' | 'lag'>> {
  const down = (reason: string) => ({ bridge: { up: false, state: null, reason }, lag: null });
  const at = reachable(config.bridge.http.listen);
  try {
    const response = await fetch(`http://${at}/status`, { signal: AbortSignal.timeout(PATIENCE) });
    if (!response.ok) return down(`${at} answers ${response.status}`);
    const { state, reason, lag } = bridgeSchema.parse(await response.json());
    return { bridge: { up: true, state, reason: reason ?? null }, lag };
  } catch (error) {
    if (config.cloud === undefined) return down(NO_CLOUD);
    return down(`no bridge answers on ${at}${whyNot(error)}`);
  }
}

/** What is known besides that nobody listens there. */
function whyNot(error: unknown): string {
  if (error instanceof z.ZodError || error instanceof SyntaxError) return ': another program listens there';
  if (error instanceof Error && error.name === 'TimeoutError') return ` within ${PATIENCE / 1000} s`;
  return '';
}

/** Where a listener on every address of this machine can be asked. */
function reachable(listen: Address): string {
  if (listen.host === '0.0.0.0') return addressText({ ...listen, host: '127.0.0.1' });
  return addressText(listen.host === '::' ? { ...listen, host: '::1' } : listen);
}

/** What the journal itself tells while the edge is down; `fault` when it is damaged. */
function fromJournal(config: StoreConfig): Pick<Status, 'buffer' | 'alerts'> & { fault?: string } {
  try {
    return readJournal(config);
  } catch (error) {
    const known = isDamage(error) ? damaged(error) : error;
    if (!(known instanceof HubError)) throw error;
    const { code, message, advice } = known;
    return { buffer: null, alerts: null, ...(code === 'JOURNAL_DAMAGED' && { fault: `${message}: ${advice}` }) };
  }
}

function readJournal({ data_dir, cloud }: StoreConfig): Pick<Status, 'buffer' | 'alerts'> {
  const reader = JournalReader.open(data_dir);
  try {
    const alerts = reader.alerts(false).length;
    // Without a cloud nothing waits for it.
    if (cloud === undefined) return { buffer: { events: 0, bytes: 0, oldest_age_s: 0 }, alerts };
    const { events, bytes, oldestReceived } = reader.buffer();
    const age = oldestReceived === undefined ? 0 : Math.max(0, (Date.now() - oldestReceived) / 1000);
    return { buffer: { events, bytes, oldest_age_s: Math.round(age) }, alerts };
  } finally {
    reader.close();
  }
}

function text(status: Status, cloud: boolean): string {
  const { edge, bridge, buffer, lag } = status;
  const dropped = listed(status.dropped);
  const oldest = buffer && buffer.events > 0 ? `, oldest ${secondsText(buffer.oldest_age_s)}` : '';
  const reasons = edge.reasons.length > 0 ? `${edge.ready ? '; ' : ': '}${edge.reasons.join('; ')}` : '';
  return table([
    ['hub', status.hub],
    ['edge', `${!edge.up ? 'down' : edge.ready ? 'up, ready' : 'up, NOT READY'}${reasons}`],
    [
      'rate',
      !edge.up ? 'unknown' : `${edge.events_per_s.toFixed(1)} events/s, ${bytesText(Math.round(edge.bytes_per_s))}/s`,
    ],
    ['bridge', `${bridge.up ? bridge.state : cloud ? 'down' : 'none'}${bridge.reason ? `: ${bridge.reason}` : ''}`],
    ['buffer', buffer ? `${buffer.events} events, ${bytesText(buffer.bytes)}${oldest}` : 'unknown'],
    ['lag', lag !== null ? listed(lag) || 'none' : cloud ? 'unknown' : '-'],
    ...(dropped === '' ? [] : [['dropped', `${dropped} since the edge started: the disk budget was used up`]]),
    ['alerts', status.alerts === null ? 'unknown' : `${status.alerts} not ended`],
    ['quiet', !edge.up ? 'unknown' : status.quiet.join(', ') || 'none'],
  ]);
}

/** What of each stream, where it is not 0. */
function listed(counts: Readonly<Record<string, number | undefined>>): string {
  return Object.entries(counts)
    .filter(([, count]) => count !== undefined && count > 0)
    .map(([stream, count]) => `${stream} ${count}`)
    .join(', ');
}
