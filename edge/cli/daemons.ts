/** `edge`, `bridge`: the daemons in the foreground, until SIGTERM or SIGINT; and `bridge resume` after a halt. */
import type { Command } from 'commander';
import { HubError } from '../contracts/errors.ts';
import { requireDoorFiles } from './door-files.ts';
import { addResume } from './resume.ts';
import { configOf, stopSignal } from './settings.ts';
import { note } from './terminal.ts';

export function addDaemons(program: Command): void {
  program
    .command('edge')
    .description("the shop's side: devices, journal, decisions, staff page; in the foreground, logs on stdout")
    .addHelpText('after', '\nExample:\n  store-hub edge --config /etc/store-hub/store.yaml')
    .action(edge);
  const bridgeCommand = program
    .command('bridge')
    .description("the cloud's side: carries events to head office's Kafka; in the foreground, logs on stdout")
    .action(bridge);
  addResume(bridgeCommand);
}

async function edge(_: unknown, command: Command): Promise<void> {
  const loaded = configOf(command);
  const { config, notices } = loaded;
  for (const notice of notices) note(notice);
  requireDoorFiles(loaded);
  // Loaded only when asked for, like the bridge: no other command pays for a daemon's start.
  const { runEdge } = await import('../main.ts');
  await runEdge(config, stopSignal());
}

async function bridge(_: unknown, command: Command): Promise<void> {
  const { config, file } = configOf(command);
  if (config.cloud === undefined) throw new HubError('CLOUD_MISSING', `${file} has no section cloud`);
  const { runBridge } = await import('../../cloud-bridge/main.ts');
  await runBridge(config, stopSignal());
}
