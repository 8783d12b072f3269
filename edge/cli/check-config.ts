/** `check-config`: every fault of the configuration with its place, in the order of the file. */
import type { Command } from 'commander';
import { ConfigError, faultText } from '../../config/faults.ts';
import { checkDeviceEntries } from './device-entries.ts';
import { checkDoorFiles } from './door-files.ts';
import { serviceNotes } from './service-notes.ts';
import { configOf } from './settings.ts';
import { json, line, note } from './terminal.ts';
import { zoneNotes } from './zone-notes.ts';

export function addCheckConfig(program: Command): void {
  program
    .command('check-config')
    .description('check the configuration: file:line:column: key: what is wrong and what is allowed')
    .option('--json', 'print [{file, line, column, key, message}]')
    .addHelpText('after', '\nExample:\n  store-hub check-config --config /etc/store-hub/store.yaml')
    .action(checkConfig);
}

async function checkConfig(options: { json?: boolean }, command: Command): Promise<void> {
  try {
    const loaded = configOf(command);
    const { config, file, notices, faultAt } = loaded;
    await checkDeviceEntries(loaded);
    const zones = zoneNotes(config).map(({ path, message }) => faultText(faultAt(path, message)));
    for (const notice of [...notices, ...checkDoorFiles(loaded), ...zones, ...serviceNotes(config.devices)])
      note(notice);
    if (options.json) await json([]);
    else await line(`${file}: ok (hub ${config.hub})`);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.exitCode = error.exitCode;
    if (options.json) await json(error.faults);
    else await line(error.message);
    if (error.code === 'CONFIG_MISSING') note(`what to do: ${error.advice}`);
  }
}
