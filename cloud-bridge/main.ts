/** The bridge daemon: `store-hub bridge`. Wires configuration, logs, metrics, its HTTP listener and the replication. */
import type { StoreConfig } from '../config/schema.ts';
import { HubError } from '../edge/contracts/errors.ts';
import { healthRoutes, metricsRoute } from '../edge/ops/health.ts';
import { createHttp, listenTcp } from '../edge/ops/http.ts';
import { childLoggers, createLogger } from '../edge/ops/logging.ts';
import { giveBackWhenCalm } from '../edge/ops/memory-return.ts';
import { createBridgeMetrics } from '../edge/ops/metrics.ts';
import { Watchdog } from '../edge/ops/watchdog.ts';
import { BridgeDaemon } from './up/daemon.ts';
import { kafkaAccess } from './up/kafka-access.ts';
import { type ResumeMode, resume } from './up/resume.ts';
import type { ResumeReport } from './up/resume-report.ts';

export interface BridgeHooks {
  /** Hears of each completed protocol step. */
  readonly observe?: (step: string) => void;
  /** After this the brokers abort an open transaction, ms. */
  readonly transactionTimeout?: number;
}

/** Runs until the signal. Throws CLOUD_MISSING, BRIDGE_LOCKED, PORT_IN_USE and what else keeps it from starting. */
export async function runBridge(config: StoreConfig, signal: AbortSignal, hooks: BridgeHooks = {}): Promise<void> {
  const { cloud, bridge } = config;
  if (!cloud) throw new HubError('CLOUD_MISSING', 'the configuration has no section cloud');
  const loggers = childLoggers(createLogger('bridge'));
  const metrics = createBridgeMetrics();
  const daemon = new BridgeDaemon({
    hub: config.hub,
    partition: cloud.partition,
    brokers: cloud.brokers,
    access: () => kafkaAccess(cloud),
    cloud,
    logger: loggers.link,
    clientLogger: loggers.kafka,
    dataDir: config.data_dir,
    bridgeDir: bridge.data_dir,
    linger: cloud.linger,
    retryMax: cloud.retry_max,
    metrics,
    // The first word of the loop is that it runs.
    onProgress: () => {
      watchdog.ready();
      watchdog.progress();
    },
    ...hooks,
  });
  const watchdog = new Watchdog({
    status: () => daemon.report.line(),
    onFault: (reason) => loggers.link.warn({ reason }, 'the service manager cannot be told anything'),
  });
  const http = createHttp({ hosts: config.http.hosts, logger: loggers.http });
  healthRoutes(http, () => daemon.report.readiness());
  metricsRoute(http, metrics.registry);
  http.get('/status', (_request, reply) => reply.header('cache-control', 'no-store').send(daemon.report.status()));
  await listenTcp(http, bridge.http.listen);
  const stop = () => {
    watchdog.stopping();
    void daemon.stop();
  };
  signal.addEventListener('abort', stop, { once: true });
  const calm = giveBackWhenCalm();
  try {
    if (!signal.aborted) await daemon.run();
  } finally {
    signal.removeEventListener('abort', stop);
    calm();
    await http.close();
  }
}

/**
 * An operator's `bridge resume`: without `yes` it only says what it would do. Throws CLOUD_MISSING, BRIDGE_LOCKED,
 * EDGE_DOWN, CLOUD_UNREACHABLE, RESUME_REFUSED.
 */
export async function runResume(config: StoreConfig, mode: ResumeMode, yes = true): Promise<ResumeReport> {
  return await resume(config, { mode, yes });
}
