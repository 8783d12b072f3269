/**
 * One OPC UA server: connected, subscribed, and on any fault given up and begun anew after a pause, which is simpler to
 * trust than to mend a session in place. The library's own reconnecting is off.
 *
 * A subscription tells changes only. That a temperature stays the same is a fact too, so what did not change for five
 * minutes is read again: then the server itself says that it is so, and nothing is repeated from memory.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { OpcuaSource } from '../contracts/devices.ts';
import { messageOf } from '../contracts/errors.ts';
import type { OpcUaFrame, OpcUaGroup, OpcUaValue } from '../contracts/opcua.ts';
import { readSecretFile } from '../ops/secret-file.ts';
import type {
  ClientSession,
  DataValue,
  OPCUACertificateManager,
  OPCUAClient,
  OpcUaLibrary,
  UserIdentityInfo,
} from './opcua-library.ts';
import { OpcUaNodes } from './opcua-nodes.ts';
import { openCertificates } from './opcua-trust.ts';
import { connectionWords } from './opcua-words.ts';

const PAUSE_MS = { first: 1000, most: 30_000 };
/** A connection that lived so long was a good one. */
const GOOD_MS = 60_000;
const ANSWER_MS = 10_000;
const CONNECT_MS = 30_000;
const KEEP_ALIVE_MS = 5000;
const SAY_AGAIN_MS = 300_000;
const WATCH_MS = 1000;
/** Values of one unit that come together become one reading. */
const TOGETHER_MS = 20;
const STOP_MS = 2000;
/** Nodes of one request: servers limit them. */
const AT_ONCE = 100;

export interface OpcUaSessionParts {
  readonly library: OpcUaLibrary;
  readonly source: OpcuaSource;
  readonly groups: readonly OpcUaGroup[];
  /** Folder of certificates: its own, those it trusts, those it does not know. */
  readonly pki: string;
  /** Name of this store; the application is known to servers by it. */
  readonly hub: string;
  readonly give: (frame: OpcUaFrame) => void;
  /** In a sentence for an installer; undefined: it works (again). */
  readonly trouble: (reason: string | undefined) => void;
  /** What was not told for so long is read again, default 5 min. */
  readonly sayAgainMs?: number;
  readonly pauseMs?: { readonly first: number; readonly most: number };
  /** So often the subscription gives a sign where nothing changes, default 5 s; lost after three without. */
  readonly keepAliveMs?: number;
}

/** What lives as long as one connection. */
interface Connection {
  readonly client: OPCUAClient;
  readonly session: ClientSession;
  /** Monotonic ms of the last sign of the subscription. */
  lastSign: number;
  /** The subscription is lost when it gives no sign for so long. */
  readonly mostSilent: number;
  readonly lose: (reason: string) => void;
}

export class OpcUaSession {
  readonly #parts: OpcUaSessionParts;
  readonly #nodes: OpcUaNodes;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  /** Ends the connection, or the attempt. */
  #end: (() => void) | undefined;
  #certificates: OPCUACertificateManager | undefined;
  /** SHA-1 of the certificate that the server showed last. */
  #shown: string | undefined;
  #told: string | undefined;
  #dirty = new Set<OpcUaGroup>();
  #flush: NodeJS.Timeout | undefined;

  constructor(parts: OpcUaSessionParts) {
    this.#parts = parts;
    this.#nodes = new OpcUaNodes(parts.groups);
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#end?.();
    clearTimeout(this.#flush);
    await this.#running;
    await this.#certificates?.dispose().catch(() => undefined);
  }

  async #run(): Promise<void> {
    const { first, most } = this.#parts.pauseMs ?? PAUSE_MS;
    const { signal } = this.#stopping;
    for (let pause = first; !signal.aborted; pause = Math.min(most, pause * 2)) {
      const began = performance.now();
      const reason = await this.#live();
      if (signal.aborted) return;
      this.#say(reason);
      if (performance.now() - began >= GOOD_MS) pause = first;
      await delay(pause, undefined, { signal }).catch(() => undefined);
    }
  }

  /** From connecting until the connection is lost; gives the reason. */
  async #live(): Promise<string> {
    const { library, source, pki } = this.#parts;
    const user = this.#user();
    if ('fault' in user) return `opcua.password_file: ${user.fault}`;
    let client: OPCUAClient | undefined;
    let watch: NodeJS.Timeout | undefined;
    // What waits at the side must not outlive the attempt, and keep its client alive.
    const over = new AbortController();
    const within = <T>(ms: number, value: T): Promise<T> =>
      delay(ms, value, { ref: false, signal: over.signal }).catch(() => value);
    try {
      this.#certificates ??= await openCertificates(library, pki, (thumbprint) => {
        this.#shown = thumbprint;
      });
      const certificates = this.#certificates;
      // A person may have moved files meanwhile.
      await certificates.reloadCertificates();
      this.#shown = undefined;
      client = this.#client(certificates);
      const lost = losing();
      for (const event of ['close', 'connection_lost', 'abort'] as const)
        client.on(event, () => lost.lose('the connection to the server was lost'));
      this.#end = () => lost.lose('');
      if (this.#stopping.signal.aborted) return '';
      const connecting = this.#connect(client, user.identity, lost.lose);
      const outcome = await Promise.race([connecting, lost.reason, within(CONNECT_MS, undefined)]);
      if (outcome === undefined) return `the server at ${source.endpoint} does not answer in time`;
      if (outcome === '') return outcome;
      // Where it was closed meanwhile, connecting tells why.
      if (typeof outcome === 'string')
        return await Promise.race([connecting.then(() => outcome), within(STOP_MS, outcome)]);
      this.#sayNodes();
      watch = setInterval(() => this.#watch(outcome), WATCH_MS);
      return await lost.reason;
    } catch (error) {
      return connectionWords(error, source, pki, this.#shown);
    } finally {
      clearInterval(watch);
      if (client !== undefined)
        await Promise.race([client.disconnect().catch(() => undefined), within(STOP_MS, undefined)]);
      over.abort();
      this.#end = undefined;
    }
  }

  #client(certificates: OPCUACertificateManager): OPCUAClient {
    const { library, source, hub } = this.#parts;
    const { OPCUAClient: Client, MessageSecurityMode, SecurityPolicy } = library;
    const modes = {
      none: MessageSecurityMode.None,
      sign: MessageSecurityMode.Sign,
      'sign-and-encrypt': MessageSecurityMode.SignAndEncrypt,
    };
    return Client.create({
      applicationName: 'store-hub',
      applicationUri: `urn:store-hub:${hub}`,
      clientName: `store-hub ${hub}`,
      clientCertificateManager: certificates,
      securityMode: modes[source.security],
      securityPolicy: source.security === 'none' ? SecurityPolicy.None : SecurityPolicy.Basic256Sha256,
      // Servers behind another name or address tell their own.
      endpointMustExist: false,
      connectionStrategy: { maxRetry: 0, initialDelay: 100, maxDelay: 1000 },
      transportTimeout: ANSWER_MS,
      defaultTransactionTimeout: ANSWER_MS,
      keepSessionAlive: false,
      requestedSessionTimeout: 60_000,
    });
  }

  async #connect(client: OPCUAClient, identity: UserIdentityInfo, lose: (reason: string) => void): Promise<Connection> {
    const { library, source } = this.#parts;
    await client.connect(source.endpoint);
    const session = await client.createSession(identity);
    session.on('session_closed', () => lose('the server ended the session'));
    this.#nodes.forget();
    await this.#nodes.readUnits(session, library);
    const { keepAliveMs = KEEP_ALIVE_MS } = this.#parts;
    const publishing = Math.min(keepAliveMs, Math.max(100, source.interval));
    const keepAlive = Math.max(1, Math.ceil(keepAliveMs / publishing));
    const subscription = library.ClientSubscription.create(session, {
      requestedPublishingInterval: publishing,
      requestedMaxKeepAliveCount: keepAlive,
      requestedLifetimeCount: Math.max(10 * keepAlive, Math.ceil(60_000 / publishing)),
      maxNotificationsPerPublish: 0,
      publishingEnabled: true,
    });
    const started = new Promise<void>((resolve) => subscription.on('started', () => resolve()));
    for (const event of ['terminated', 'status_changed', 'internal_error', 'error'] as const)
      subscription.on(event, () => lose('the server ended the subscription'));
    await started;
    const connection: Connection = {
      client,
      session,
      lastSign: performance.now(),
      mostSilent: 3 * Math.max(keepAliveMs, subscription.publishingInterval * subscription.maxKeepAliveCount),
      lose,
    };
    const sign = (): void => {
      connection.lastSign = performance.now();
    };
    subscription.on('keepalive', sign);
    subscription.on('received_notifications', sign);
    const nodes = this.#nodes.names;
    for (let from = 0; from < nodes.length; from += AT_ONCE) {
      const some = nodes.slice(from, from + AT_ONCE);
      const items = await subscription.monitorItems(
        some.map((nodeId) => ({ nodeId, attributeId: library.AttributeIds.Value })),
        { samplingInterval: source.interval, queueSize: 1, discardOldest: true },
        library.TimestampsToReturn.Both,
      );
      items.on('changed', (_item, value, index) => this.#changed(some[index] ?? '', value));
      for (const [index, item] of items.monitoredItems.entries())
        if (!item.statusCode.isGood()) this.#nodes.missing(some[index] ?? '', item.statusCode.name);
    }
    return connection;
  }

  /** Once a second. */
  #watch(connection: Connection): void {
    const now = performance.now();
    if (now - connection.lastSign > connection.mostSilent) {
      connection.lose('the server says nothing any more');
      return;
    }
    const quiet = this.#nodes.quiet(now, this.#parts.sayAgainMs ?? SAY_AGAIN_MS);
    if (quiet.length > 0) void this.#readAgain(connection, quiet);
  }

  async #readAgain({ session, lose }: Connection, groups: readonly OpcUaGroup[]): Promise<void> {
    const { AttributeIds } = this.#parts.library;
    const nodes = [...new Set(groups.flatMap((group) => group.nodes.map(({ node }) => node)))];
    try {
      for (let from = 0; from < nodes.length; from += AT_ONCE) {
        const some = nodes.slice(from, from + AT_ONCE);
        const values = await session.read(
          some.map((nodeId) => ({ nodeId, attributeId: AttributeIds.Value })),
          0,
        );
        for (const [index, value] of values.entries()) this.#nodes.set(some[index] ?? '', value);
      }
    } catch (error) {
      lose(`the server does not answer: ${messageOf(error)}`);
      return;
    }
    for (const group of groups) this.#give(group, true);
    this.#sayNodes();
  }

  #changed(node: string, value: DataValue): void {
    for (const group of this.#nodes.set(node, value)) this.#dirty.add(group);
    this.#flush ??= setTimeout(() => {
      this.#flush = undefined;
      const dirty = [...this.#dirty];
      this.#dirty.clear();
      for (const group of dirty) this.#give(group, false);
      this.#sayNodes();
    }, TOGETHER_MS);
  }

  #give(group: OpcUaGroup, again: boolean): void {
    const values: readonly OpcUaValue[] | undefined = this.#nodes.valuesOf(group, performance.now());
    if (values === undefined || this.#stopping.signal.aborted) return;
    this.#parts.give({ unit: group.unit, probe: group.probe, values, ...(again && { again: true as const }) });
  }

  #sayNodes(): void {
    this.#say(this.#nodes.faults);
  }

  #say(reason: string | undefined): void {
    if (reason === this.#told || this.#stopping.signal.aborted) return;
    this.#told = reason;
    this.#parts.trouble(reason);
  }

  /** Read at each attempt: a mended file counts. */
  #user(): { readonly identity: UserIdentityInfo } | { readonly fault: string } {
    const { library, source } = this.#parts;
    const { username, password_file } = source;
    if (username === undefined) return { identity: { type: library.UserTokenType.Anonymous } };
    const password = password_file === undefined ? '' : readSecretFile(password_file);
    if (typeof password !== 'string') return { fault: password.fault };
    return {
      identity: { type: library.UserTokenType.UserName, userName: username, password: password.replace(/\r?\n$/, '') },
    };
  }
}

function losing(): { readonly reason: Promise<string>; readonly lose: (reason: string) => void } {
  let lose = (_reason: string): void => {};
  const reason = new Promise<string>((resolve) => {
    lose = resolve;
  });
  return { reason, lose };
}
