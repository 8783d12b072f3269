/** `edge`, `bridge`: the daemons in the foreground, until SIGTERM or SIGINT; and `bridge resume` after a halt. */
import type { Command } from 'commander';
import { HubError } from '../contracts/errors.ts';
import { checkDeviceEntries } from './device-entries.ts';
import { missingCloudFiles, requireDoorFiles } from './door-files.ts';
import { addResume } from './resume.ts';
import { configOf } from './settings.ts';
import { note } from './terminal.ts';

/** @param stop ends a daemon, also one that has only begun to start */
export function addDaemons(program: Command, stop: AbortSignal): void {
  program
    .command('edge')
    .description("the shop's side: devices, journal, decisions, staff page; in the foreground, logs on stdout")
    .addHelpText('after', '\nExample:\n  store-hub edge --config /etc/store-hub/store.yaml')
    .action((_: unknown, command: Command) => edge(command, stop));
  const bridgeCommand = program
    .command('bridge')
    .description("the cloud's side: carries events to head office's Kafka; in the foreground, logs on stdout")
    .action((_: unknown, command: Command) => bridge(command, stop));
  addResume(bridgeCommand);
}

async function edge(command: Command, stop: AbortSignal): Promise<void> {
  const loaded = configOf(command);
  const { config, notices } = loaded;
  for (const notice of [...notices, ...missingCloudFiles(loaded)]) note(notice);
  requireDoorFiles(loaded);
  await checkDeviceEntries(loaded);
  // As the service does: what a shop sold is nobody else's business on this machine.
  process.umask(process.umask() | 0o027);
  // Loaded only when asked for, like the bridge: no other command pays for a daemon's start.
  const { runEdge } = await import('../main.ts');
  if (stop.aborted) return;
  await runEdge(config, stop);
}

async function bridge(command: Command, stop: AbortSignal): Promise<void> {
  const { config, file } = configOf(command);
  if (config.cloud === undefined) throw new HubError('CLOUD_MISSING', `${file} has no section cloud`);
  const { runBridge } = await import('../../cloud-bridge/main.ts');
  if (stop.aborted) return;
  await runBridge(config, stop);
}
