/** The metrics of a daemon, with those of its process. One of each per process; whoever counts gets it as an argument. */
import { BridgeMetrics } from './bridge-metrics.ts';
import { EdgeMetrics } from './edge-metrics.ts';
import { processMetrics } from './pulled-metrics.ts';

export function createEdgeMetrics(): EdgeMetrics {
  const metrics = new EdgeMetrics();
  processMetrics(metrics.registry);
  return metrics;
}

export function createBridgeMetrics(): BridgeMetrics {
  const metrics = new BridgeMetrics();
  processMetrics(metrics.registry);
  return metrics;
}
