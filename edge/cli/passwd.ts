/** `passwd NAME`: reads a password, and prints the entry for `mqtt.users` that holds its hash. */
import type { Command } from 'commander';
import { userName } from '../../config/doors.ts';
import { HubError } from '../contracts/errors.ts';
import { hashPassword } from '../ops/passwords.ts';
import { firstLine } from './first-line.ts';
import { readHidden } from './hidden-input.ts';
import { json, line, note } from './terminal.ts';

const SHORTEST = 8;

export function addPasswd(program: Command): void {
  program
    .command('passwd')
    .description("an MQTT user's entry for the configuration, with the scrypt hash of its password")
    .argument('<name>', 'user name; unless `devices` is given, also the name of its one device')
    .option('--json', 'print only {password_hash}')
    .addHelpText(
      'after',
      '\nExamples:\n  store-hub passwd gateway-1\n  openssl rand -base64 18 | tee gateway-1.secret | store-hub passwd gateway-1',
    )
    .action(passwd);
}

async function passwd(name: string, options: { json?: boolean }): Promise<void> {
  const checked = userName.safeParse(name);
  if (!checked.success) throw new HubError('WRONG_USE', `the name ${checked.error.issues[0]?.message ?? 'is wrong'}`);
  const password = process.stdin.isTTY ? await askTwice(name) : await firstLine();
  requireLength(password);
  const hash = await hashPassword(password);
  if (options.json) {
    await json({ password_hash: hash });
    return;
  }
  await line(`    - name: ${yamlText(name)}\n      password_hash: ${hash}`);
  note('put these lines under mqtt: users: in the configuration, and restart the edge');
}

async function askTwice(name: string): Promise<string> {
  const password = await readHidden(`Password of ${name}: `);
  // Before it is asked for again: nobody should type twice what is not taken.
  requireLength(password);
  if (password !== (await readHidden('Once more: '))) throw new HubError('INPUT_REFUSED', 'the two passwords differ');
  return password;
}

function requireLength(password: string): void {
  if ([...password].length < SHORTEST) {
    const what = password === '' ? 'empty' : 'short';
    throw new HubError('INPUT_REFUSED', `the password is ${what}: at least ${SHORTEST} characters`);
  }
  if (Buffer.byteLength(password) > 1024) throw new HubError('INPUT_REFUSED', 'the password is longer than 1024 bytes');
}

/** Quoted unless it can be nothing but text. */
function yamlText(text: string): string {
  return /^[A-Za-z][A-Za-z0-9_.-]*$/.test(text) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(text)
    ? text
    : JSON.stringify(text);
}
