/**
 * `bridge resume`: an operator decides how replication goes on after a halt.
 *
 * Everything is read first, from the topics themselves and not from what a checkpoint claims. Whatever is then done is
 * done in an order that may be interrupted anywhere and begun again: the halt is cleared last, in the same synced write
 * as the new position, and the checkpoint at head office always says what the topics really hold.
 */
import { join } from 'node:path';
import { type Logger, pino } from 'pino';
import { z } from 'zod';
import { EDGE_SOCKET, type NewIncarnationRequest, type RefillRequest } from '../../edge/contracts/edge-socket.ts';
import { HubError } from '../../edge/contracts/errors.ts';
import { JournalReader } from '../../edge/journal/reader.ts';
import { edgeRequest } from '../../edge/ops/edge-request.ts';
import { cloudError } from '../hq/kafka-client.ts';
import { PartitionReader } from '../hq/partition-reader.ts';
import { type ClosedIncarnation, checkpointText, newBatchId } from './checkpoint.ts';
import { type CloudSecrets, kafkaAccess } from './kafka-access.ts';
import { KafkaLink } from './kafka-link.ts';
import { TopicsMissing } from './link-failure.ts';
import { isRefused, planNewIncarnation, planRefill, planRepartition, type Refused } from './resume-plans.ts';
import { type ResumeReport, reportOf } from './resume-report.ts';
import { readSituation, type Situation } from './resume-situation.ts';
import { type Position, StateFile } from './state.ts';

export type ResumeMode = 'dry-run' | 'refill' | 'new-incarnation' | 'repartition';

export interface ResumeOptions {
  readonly mode: ResumeMode;
  /** False: say what would be done, and do nothing. */
  readonly yes: boolean;
}

/** The parts of the configuration that resuming needs. */
export interface ResumeConfig {
  readonly hub: string;
  readonly data_dir: string;
  readonly bridge: { readonly data_dir: string };
  readonly cloud?: (CloudSecrets & { readonly brokers: readonly string[]; readonly partition: number }) | undefined;
}

/** Moving the rows of a long backlog to a new incarnation takes its time. Milliseconds. */
const EDGE_PATIENCE = 600_000;
const newIncarnationAnswer = z.object({ incarnation: z.string() });

interface Work {
  readonly config: ResumeConfig & { readonly cloud: NonNullable<ResumeConfig['cloud']> };
  readonly state: StateFile;
  readonly link: KafkaLink;
  readonly situation: Situation;
}

async function tellEdge(config: ResumeConfig, path: string, body: unknown): Promise<unknown> {
  const answer = await edgeRequest(join(config.data_dir, EDGE_SOCKET), 'POST', path, body, { timeout: EDGE_PATIENCE });
  if (answer.status < 300) return answer.body;
  const { detail } = (answer.body ?? {}) as { detail?: unknown };
  const said = typeof detail === 'string' ? detail : `status ${answer.status}`;
  if (answer.status === 503) throw new HubError('EDGE_DOWN', `the edge is not ready: ${said}`);
  throw new HubError('RESUME_REFUSED', `the edge refused: ${said}`);
}

/** Head office's checkpoint is made to say exactly this. */
async function commitCheckpoint(
  { config, link }: Work,
  at: Omit<Position, 'batch' | 'checkpointOffset'>,
  closed: readonly ClosedIncarnation[],
): Promise<Position> {
  const batch = newBatchId();
  const { incarnation, acked } = at;
  const content = { hub: config.hub, incarnation, batch, time: Date.now(), vector: acked, closed };
  return { incarnation, acked, batch, checkpointOffset: await link.commitCheckpoint(checkpointText(content)) };
}

function refuse({ refused }: Refused): never {
  throw new HubError('RESUME_REFUSED', refused);
}

async function refill(work: Work): Promise<string[]> {
  const plan = planRefill(work.situation);
  if (isRefused(plan)) refuse(plan);
  const { hub, cloud } = work.config;
  const { incarnation, acked, closed, says } = plan;
  // The edge first: from here on it keeps the rows that have to go up again.
  const request: RefillRequest = { incarnation, acked, reason: says[0] ?? 'refill' };
  await tellEdge(work.config, '/bridge/refill', request);
  const position = await commitCheckpoint(work, { incarnation, acked }, closed);
  work.state.save({
    hub,
    partition: cloud.partition,
    position,
    closed: [...closed],
    inDoubt: null,
    told: { incarnation, acked },
    halt: null,
  });
  return [...says, 'Done: sending goes on.'];
}

async function openNewIncarnation(work: Work): Promise<string[]> {
  const plan = planNewIncarnation(work.situation);
  if (isRefused(plan)) refuse(plan);
  const { hub, cloud } = work.config;
  const request: NewIncarnationRequest = { acked: plan.acked, reason: plan.says[0] ?? 'new incarnation' };
  const answer = newIncarnationAnswer.parse(await tellEdge(work.config, '/bridge/new-incarnation', request));
  const { incarnation } = answer;
  const position = await commitCheckpoint(work, { incarnation, acked: {} }, plan.closed);
  work.state.save({
    hub,
    partition: cloud.partition,
    position,
    closed: [...plan.closed],
    inDoubt: null,
    told: { incarnation, acked: {} },
    halt: null,
  });
  return [...plan.says, `Done: the new incarnation is ${incarnation}; sending goes on.`];
}

async function repartition(work: Work): Promise<string[]> {
  const plan = planRepartition(work.situation);
  if (isRefused(plan)) refuse(plan);
  const { state } = work;
  const { position: before, partition: from, closed } = state.state;
  if (before === null) throw new Error('a repartition was planned without a position');
  const position = await commitCheckpoint(work, before, closed);
  const { partition } = work.config.cloud;
  state.save({ partition, position, inDoubt: null, halt: null });
  const reason = `cloud.partition was changed from ${from} to ${partition}`;
  await tellEdge(work.config, '/bridge/resumed', { mode: 'repartition', reason });
  return [...plan.says, 'Done: sending goes on.'];
}

const ACTIONS = { refill, 'new-incarnation': openNewIncarnation, repartition } as const;

/** Another hub in the configuration is not for resuming: no decision can make two stores one. */
function assertSameHub(hub: string, state: StateFile, journal: JournalReader): void {
  const recorded = journal.hub !== hub ? journal.hub : (state.state.hub ?? hub);
  if (recorded === hub) return;
  throw new HubError(
    'RESUME_REFUSED',
    `this box is hub ${recorded} and the configuration says ${hub}: set \`hub\` back, or give the new hub its own empty data folders`,
  );
}

async function gather(
  config: Work['config'],
  state: StateFile,
  journal: JournalReader,
  logger: Logger,
): Promise<Omit<Work, 'link'>> {
  const reader = new PartitionReader(config.cloud);
  try {
    await reader.start();
    const { hub, cloud } = config;
    const sources = { hub, partition: cloud.partition, state: state.state, journal, reader };
    const situation = await readSituation(sources);
    logger.debug({ real: [...situation.office.real] }, 'read what head office holds');
    return { config, state, situation };
  } finally {
    await reader.stop();
  }
}

/**
 * Throws CLOUD_MISSING, BRIDGE_LOCKED (the bridge runs and is not halted), EDGE_DOWN, CLOUD_UNREACHABLE, and
 * RESUME_REFUSED with the reason. Nothing is changed then.
 */
export async function resume(config: ResumeConfig, options: ResumeOptions): Promise<ResumeReport> {
  const { cloud } = config;
  if (!cloud) throw new HubError('CLOUD_MISSING', 'the configuration has no section cloud');
  const logger = pino({ enabled: false });
  const acting = options.mode !== 'dry-run' && options.yes;
  await edgeRequest(join(config.data_dir, EDGE_SOCKET), 'GET', '/health/live');
  const state = StateFile.open(config.bridge.data_dir);
  let journal: JournalReader | undefined;
  let link: KafkaLink | undefined;
  try {
    journal = JournalReader.open(config.data_dir);
    assertSameHub(config.hub, state, journal);
    const full = { ...config, cloud };
    if (acting) {
      const { brokers, partition } = cloud;
      link = new KafkaLink({ hub: config.hub, partition, brokers, access: () => kafkaAccess(cloud), logger });
      // Before anything is read: nobody else can add to this hub's records from here on.
      await link.fence();
    }
    const halt = state.state.halt;
    const found = await gather(full, state, journal, logger);
    const { mode } = options;
    if (mode === 'dry-run' || link === undefined) return reportOf(mode, halt, found.situation, undefined);
    return reportOf(mode, halt, found.situation, await ACTIONS[mode]({ ...found, link }));
  } catch (error) {
    if (error instanceof TopicsMissing) throw new HubError('RESUME_REFUSED', error.message, { cause: error });
    throw cloudError(cloud, error);
  } finally {
    await link?.close();
    journal?.close();
    state.close();
  }
}
