/**
 * Exactly once from the journal to head office, as steps to be read from top to bottom.
 *
 * The events of a batch and a checkpoint that says how far they reach go out in one Kafka transaction. Before it, the
 * bridge records durably what it is about to do (in doubt); after it, that it is done. Wherever the bridge dies, the
 * next one first shuts out its predecessor (fence), then reads the checkpoint back: it says whether the batch in doubt
 * is there, all of it or nothing. Positions are compared before every sending, and what no honest history explains
 * ends in a Halt instead of a gap or a duplicate.
 *
 * After any error the link is closed and everything begins again at the fence: nothing that had sent is continued.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { HubError } from '../../edge/contracts/errors.ts';
import { at, standing } from '../../edge/contracts/vector.ts';
import type { JournalReader } from '../../edge/journal/reader.ts';
import { type Batch, gatherAgain, holds, type Reach } from './batcher.ts';
import { checkpointText, newBatchId, parseCheckpoint, type SentRange } from './checkpoint.ts';
import { compare, compareConfiguration, type Verdict } from './compare.ts';
import type { EdgeClient } from './edge-client.ts';
import type { KafkaLink, LinkTransaction, SentPart } from './kafka-link.ts';
import type { KeyedResult } from './keyed-reader.ts';
import { TooSlow } from './link-failure.ts';
import type { BridgeState, Position, StateFile } from './state.ts';

/** What a connection's steps work with. One for each fence. */
export interface Connection {
  readonly hub: string;
  readonly partition: number;
  readonly state: StateFile;
  readonly journal: JournalReader;
  readonly edge: Pick<EdgeClient, 'reserve' | 'acknowledge'>;
  readonly link: KafkaLink;
  /** Wall clock, epoch ms. */
  readonly now: () => number;
  /** Hears of each completed step. */
  readonly observe: (step: string) => void;
  reading?: KeyedResult;
  verdict?: Verdict;
  /** What the edge has confirmed to know; recorded with the next write. */
  told?: BridgeState['told'];
}

/** What the steps of one batch work with. */
export interface Sending {
  readonly connection: Connection;
  /** What was gathered; reserving it may have shown that some of it was dropped. */
  batch: Batch;
  readonly id: string;
  /** What was dropped on purpose and head office is told with this batch. */
  dropped?: readonly SentRange[];
  transaction?: LinkTransaction;
  sent?: readonly SentPart[];
  checkpointOffset?: number;
}

/** The reach that the recorded position stands for. */
export function reachOf(state: StateFile['state']): Reach {
  const { position, closed } = state;
  return { incarnation: position?.incarnation ?? null, vector: position?.acked ?? {}, closed };
}

// ---- Connecting: at every start, and again after every error or pause.

/** Another hub or partition in the configuration is seen before anybody is asked. */
async function checkConfiguration({ hub, partition, state }: Connection): Promise<void> {
  compareConfiguration(hub, partition, state.state);
}

/** A new client and producer: whoever sent before under this hub's id is shut out, what it left open is resolved. */
async function fence({ link }: Connection): Promise<void> {
  await link.fence();
}

/** Only after the fence: now nobody else can add to it. */
async function readCheckpoint(connection: Connection): Promise<void> {
  const { link, state } = connection;
  connection.reading = await link.readCheckpoint(state.state.position?.checkpointOffset);
}

async function comparePositions(connection: Connection): Promise<void> {
  const { hub, partition, state, journal } = connection;
  assertSameJournal(journal);
  const { found, high } = given(connection.reading);
  const incarnations = journal.incarnations();
  const heads = journal.heads(incarnations.at(-1)?.incarnation ?? '');
  connection.verdict = compare({
    hub,
    partition,
    state: state.state,
    journal: { hub: journal.hub, incarnations, heads, acked: journal.acked(), reserved: journal.reserved() },
    high,
    checkpoint: found && { offset: found.offset, value: parseCheckpoint(found.value) },
  });
}

/** What was in doubt is known now; it is written down before anything else is done. */
async function recordVerdict({ state, verdict }: Connection): Promise<void> {
  const found = given(verdict);
  if (found.outcome === 'committed') {
    state.save({ position: found.position, closed: [...found.closed], inDoubt: null });
  } else if (state.state.inDoubt) {
    state.save({ inDoubt: null });
  }
}

/** The edge may not have heard of it yet. */
async function tellVerdict(connection: Connection): Promise<void> {
  const { state, edge, journal } = connection;
  const { position } = state.state;
  if (!position) return;
  const { incarnation, acked, batch } = position;
  const known = journal.acked();
  const isNews = known?.incarnation !== incarnation || standing(known.vector, acked) !== 'equal';
  if (isNews) await edge.acknowledge({ incarnation, acked, batch });
  connection.told = { incarnation, acked };
}

export const CONNECTING = [
  checkConfiguration,
  fence,
  readCheckpoint,
  comparePositions,
  recordVerdict,
  tellVerdict,
] as const;

/** Throws JOURNAL_UNREADABLE when another file was put in the journal's place: it must be opened anew. */
export function assertSameJournal(journal: Pick<JournalReader, 'isReplaced'>): void {
  if (journal.isReplaced()) throw new HubError('JOURNAL_UNREADABLE', 'journal.db was exchanged, opening the new one');
}

// ---- Sending one batch.

/**
 * The edge keeps these rows until it hears more. What it dropped since they were gathered is left out, and the events
 * that tell of it come in: reserved rows stay, so gathering again comes to an end.
 */
async function reserve(sending: Sending): Promise<void> {
  const { edge, journal } = sending.connection;
  for (;;) {
    const { incarnation, from, to } = sending.batch;
    const answer = await edge.reserve({ incarnation, from, to });
    // Whoever answered may have another journal by now than the one that this batch was gathered from.
    assertSameJournal(journal);
    sending.dropped = answer.dropped;
    if (holds(sending.batch, answer)) return;
    const further = { ...to, devices: Math.max(at(to, 'devices'), answer.events) };
    sending.batch = await gatherAgain(journal, sending.batch, further);
  }
}

/** Before the first byte goes out. From here on, only the checkpoint at head office tells what became of the batch. */
async function recordInDoubt({ connection, batch, id }: Sending): Promise<void> {
  const { hub, partition, state, told = state.state.told } = connection;
  const { incarnation, from, to } = batch;
  state.save({ hub, partition, told, inDoubt: { incarnation, from, to, batch: id } });
}

async function sendEvents(sending: Sending): Promise<void> {
  sending.transaction = await sending.connection.link.begin();
  sending.sent = await sending.transaction.events(sending.batch.parts);
}

async function sendCheckpoint(sending: Sending): Promise<void> {
  const { connection, batch, id, dropped = [] } = sending;
  const { incarnation, to, closed } = batch;
  const value = checkpointText({
    hub: connection.hub,
    incarnation,
    batch: id,
    time: connection.now(),
    vector: to,
    closed,
    dropped,
  });
  sending.checkpointOffset = await given(sending.transaction).checkpoint(value);
}

async function commit({ transaction }: Sending): Promise<void> {
  await given(transaction).commit();
}

async function recordAcknowledged(sending: Sending): Promise<void> {
  const { connection, batch } = sending;
  connection.state.save({ position: positionAfter(sending), closed: [...batch.closed], inDoubt: null });
}

async function tellTheEdge(sending: Sending): Promise<void> {
  const { incarnation, acked, batch } = positionAfter(sending);
  const { events, bytes } = sending.batch;
  await sending.connection.edge.acknowledge({ incarnation, acked, batch, events, bytes });
  sending.connection.told = { incarnation, acked };
}

export const SENDING = [
  reserve,
  recordInDoubt,
  sendEvents,
  sendCheckpoint,
  commit,
  recordAcknowledged,
  tellTheEdge,
] as const;

/** Inside the transaction: these together have less time than the brokers give it. */
const TIMED: readonly unknown[] = [sendEvents, sendCheckpoint, commit];

// ---- Running them.

/** Throws Halt, HubError EDGE_DOWN, or whatever the link threw. */
export async function connect(connection: Connection): Promise<void> {
  for (const step of CONNECTING) {
    await step(connection);
    connection.observe(step.name);
  }
}

/** Sends one batch; resolves when head office has it and the edge knows. `reserved` hears what the batch really is. */
export async function send(
  connection: Connection,
  batch: Batch,
  reserved: (batch: Batch) => void = () => undefined,
): Promise<Sending> {
  const sending: Sending = { connection, batch, id: newBatchId() };
  let deadline: number | undefined;
  for (const step of SENDING) {
    if (TIMED.includes(step)) {
      deadline ??= performance.now() + connection.link.attemptDeadline;
      await within(deadline - performance.now(), step(sending));
    } else {
      await step(sending);
    }
    connection.observe(step.name);
    if (step === reserve) reserved(sending.batch);
  }
  return sending;
}

function positionAfter({ batch, id, checkpointOffset }: Sending): Position {
  return { incarnation: batch.incarnation, acked: batch.to, batch: id, checkpointOffset: given(checkpointOffset) };
}

/** A step before has set it. */
function given<T>(value: T | null | undefined): T {
  if (value === undefined || value === null) throw new Error('a protocol step was run out of its order');
  return value;
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const done = new AbortController();
  const late = pause(Math.max(0, ms), undefined, { signal: done.signal }).then(() => {
    throw new TooSlow('head office did not confirm the batch in time');
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    done.abort();
  }
}
