/** `backup FILE / restore FILE`: the journal as one file, and back. Both work on the files themselves, without the edge. */
import type { Command } from 'commander';
import { backUp } from '../journal/backup.ts';
import { restore } from '../journal/restore.ts';
import { configOf } from './settings.ts';
import { bytesText, json, line } from './terminal.ts';

const AFTER_BACKUP = `
Works while the edge runs. The copy is checked before it gets its name; an existing file is left alone.

Example:
  store-hub backup /mnt/usb/store-0042.db`;

const AFTER_RESTORE = `
Stop the edge first; the bridge may run. The journal that is there is set aside, not deleted. What head office has
already is not sent again, what it lacks goes up as it was, and everything new gets a new identity.

Example:
  systemctl stop store-hub-edge
  store-hub restore /mnt/usb/store-0042.db
  systemctl start store-hub-edge`;

export function addBackup(program: Command): void {
  program
    .command('backup')
    .description('copy the journal into one file, while the edge runs or not')
    .argument('<file>')
    .option('--force', 'replace the file if it is there')
    .option('--json', 'print {file, hub, incarnation, bytes, events, as_of}')
    .addHelpText('after', AFTER_BACKUP)
    .action(runBackup);
  program
    .command('restore')
    .description('put a backup in the place of the journal; the edge must be stopped')
    .argument('<file>')
    .option('--json', 'print {file, hub, incarnation, events, as_of, aside, left_behind}')
    .addHelpText('after', AFTER_RESTORE)
    .action(runRestore);
}

async function runBackup(file: string, options: { force?: boolean; json?: boolean }, command: Command): Promise<void> {
  const { config } = configOf(command);
  const { asOf, ...report } = await backUp(config.data_dir, file, options.force === true);
  const as_of = new Date(asOf).toISOString();
  if (options.json) return json({ ...report, as_of });
  const { bytes, events, incarnation, hub } = report;
  await line(
    `${report.file}: ${bytesText(bytes)}, ${events} events of ${hub}, incarnation ${incarnation}, as of ${as_of}; checked`,
  );
}

async function runRestore(file: string, options: { json?: boolean }, command: Command): Promise<void> {
  const { config } = configOf(command);
  const { asOf, leftBehind, sideFiles, ...report } = await restore(config.data_dir, config.hub, file, Date.now());
  const as_of = new Date(asOf).toISOString();
  if (options.json) {
    const left = leftBehind === undefined ? {} : { left_behind: leftBehind };
    return json({ ...report, as_of, ...left, ...(sideFiles && { side_files: sideFiles }) });
  }
  const { events, hub, incarnation, aside } = report;
  await line(`restored: ${events} events of ${hub}, as of ${as_of}; new incarnation ${incarnation}`);
  if (aside !== undefined) await line(`the journal that was there: ${aside}`);
  if (sideFiles) await line(`keep these files together with it: ${sideFiles.join(', ')}`);
  if (leftBehind)
    await line(`${leftBehind} events in it never reached head office and are not in the backup: keep that file`);
  await line('start the edge: `store-hub edge`, or `systemctl start store-hub-edge`');
}
