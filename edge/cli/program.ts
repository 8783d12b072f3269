/** The commands and their help: one line for each group, which lives in its own file. */
import { Command } from 'commander';
import { packageVersion } from '../ops/version.ts';
import { addBackup } from './backup.ts';
import { addCheckConfig } from './check-config.ts';
import { addDaemons } from './daemons.ts';
import { addDeadLetters } from './dead-letters.ts';
import { addDemo } from './demo.ts';
import { addDevices } from './devices.ts';
import { addHeadOffice } from './head-office.ts';
import { addItems } from './items.ts';
import { addJournal } from './journal.ts';
import { addOffers } from './offers.ts';
import { addPasswd } from './passwd.ts';
import { addSchema } from './schema.ts';
import { addShoppers } from './shoppers.ts';
import { addStatus } from './status.ts';

const AFTER = `
Start here:
  store-hub demo                        the whole thing on simulated devices
  store-hub check-config                is config/store.yaml right?
  store-hub edge                        the shop's side: devices, decisions, the staff page
  store-hub bridge                      the cloud's side: carries events to head office's Kafka
  store-hub status                      how both are
  store-hub devices list                what every device says, and who is not configured
  store-hub offers                      how campaigns do, and why there was no offer
  store-hub journal tail                events as they come

Exit codes: 0 ok, 1 failed, 2 wrong use, 78 bad configuration.
STORE_HUB_DEBUG=1 shows where an error comes from.`;

/** @param stop ends a daemon */
export function createProgram(stop: AbortSignal): Command {
  const program = new Command('store-hub')
    .description(
      'In-store hub: takes device events, decides on the spot, carries every fact to head office exactly once.',
    )
    .version(packageVersion(), '-V, --version', 'show the version')
    .option('-c, --config <file>', 'configuration; default ./config/store.yaml, then /etc/store-hub/store.yaml')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help for a command')
    .configureHelp({ showGlobalOptions: true, commandUsage: usage })
    .showHelpAfterError('(see --help)')
    .addHelpText('after', AFTER)
    .exitOverride();
  addDaemons(program, stop);
  addDemo(program);
  addCheckConfig(program);
  addStatus(program);
  addDevices(program);
  addJournal(program);
  addOffers(program);
  addItems(program);
  addShoppers(program);
  addDeadLetters(program);
  addBackup(program);
  addHeadOffice(program);
  addSchema(program);
  addPasswd(program);
  return program;
}

/** `store-hub journal show [options] <id>`: the program's own options are listed below, not in the first line. */
function usage(command: Command): string {
  const names: string[] = [];
  for (let here: Command | null = command; here; here = here.parent) names.unshift(here.name());
  return `${names.join(' ')} ${command.usage()}`;
}
