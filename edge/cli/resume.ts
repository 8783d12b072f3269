/** `bridge resume`: what an operator decides after the bridge has halted. Every decision needs `--yes`. */
import type { Command } from 'commander';
import { HubError, messageOf } from '../contracts/errors.ts';
import { configOf } from './settings.ts';
import { json, line } from './terminal.ts';

const MODES = ['dry-run', 'refill', 'new-incarnation', 'repartition'] as const;
type Mode = (typeof MODES)[number];

interface ResumeOptions {
  readonly dryRun?: boolean;
  readonly refill?: boolean;
  readonly newIncarnation?: boolean;
  readonly repartition?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

const AFTER = `
Begin with --dry-run: it reads what head office really holds of this hub, and says which way fits.

  --refill            head office is behind: sends again what it lost, after the last record that is there
  --new-incarnation   this journal was restored or copied, or the box is new under an old name: what head
                      office does not hold goes up under new identities
  --repartition       cloud.partition was changed on purpose: what was sent stays, what waits goes to the new one

Example:
  store-hub bridge resume --dry-run
  store-hub bridge resume --refill --yes`;

export function addResume(bridge: Command): void {
  bridge
    .command('resume')
    .description('after a halt: say how replication goes on')
    .option('--dry-run', "read each topic's tail for this hub and say what would be done")
    .option('--refill', 'go on after the last record that head office really has')
    .option('--new-incarnation', 'send what head office lacks under a new identity')
    .option('--repartition', 'go on in the partition that the configuration names now')
    .option('--yes', 'do it: the decision becomes an event')
    .option('--json', 'print what was found as one JSON object')
    .addHelpText('after', AFTER)
    .action(resume);
}

function modeOf(options: ResumeOptions): Mode {
  const given: Readonly<Record<Mode, boolean | undefined>> = {
    'dry-run': options.dryRun,
    refill: options.refill,
    'new-incarnation': options.newIncarnation,
    repartition: options.repartition,
  };
  const chosen = MODES.filter((name) => given[name]);
  const [mode, second] = chosen;
  if (mode === undefined) {
    throw new HubError('WRONG_USE', 'say how: --dry-run, --refill, --new-incarnation or --repartition');
  }
  if (second !== undefined) throw new HubError('WRONG_USE', `--${mode} and --${second} exclude each other`);
  return mode;
}

async function resume(options: ResumeOptions, command: Command): Promise<void> {
  const mode = modeOf(options);
  if (mode === 'dry-run' || options.yes) return carryOut(mode, options, command);
  const unread = await carryOut(mode, options, command).then(() => '', messageOf);
  const plan = unread === '' ? '' : ` (and what it would do cannot be said: ${unread})`;
  throw new HubError('WRONG_USE', `nothing was changed: --${mode} changes what head office receives, add --yes${plan}`);
}

/** Without `--yes` it only says what it would do. */
async function carryOut(mode: Mode, options: ResumeOptions, command: Command): Promise<void> {
  const { config, file } = configOf(command);
  if (config.cloud === undefined) throw new HubError('CLOUD_MISSING', `${file} has no section cloud`);
  const { runResume } = await import('../../cloud-bridge/main.ts');
  const report = await runResume(config, mode, options.yes === true);
  if (options.json) await json(report);
  else await line(report.summary);
}
