/** Reads a world's file: one of the ready worlds by its name, or any file by its path. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml';
import { plainest } from '../../edge/contracts/plain-issue.ts';
import { type WorldFile, worldSchema } from './world-file.ts';
import { referenceFaults } from './world-references.ts';

const FOLDER = fileURLToPath(new URL('../worlds/', import.meta.url));

/** The command was used wrongly, or a world's file is; the message says where and what is allowed. */
export class WorldError extends Error {
  override readonly name = 'WorldError';
}

/** Names of the ready worlds. */
export function readyWorlds(): string[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => basename(file, '.yaml'))
    .sort();
}

/** @param world a ready world's name, or a path that ends in .yaml; throws WorldError */
export function loadWorld(world: string): WorldFile {
  const isPath = /\.ya?ml$/.test(world);
  if (!isPath && !readyWorlds().includes(world)) {
    throw new WorldError(
      `no world is called ${world}; there are ${readyWorlds().join(', ')}, or name a file that ends in .yaml`,
    );
  }
  const file = isPath ? world : join(FOLDER, `${world}.yaml`);
  let source: string;
  try {
    source = readFileSync(file, 'utf8');
  } catch (error) {
    throw new WorldError(`${file}: cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  return parseWorld(source, file);
}

/** @param file for the messages; throws WorldError with a line for each fault: `file:line:column: key: what is wrong` */
export function parseWorld(source: string, file: string): WorldFile {
  const lines = new LineCounter();
  const document = parseDocument(source, { lineCounter: lines });
  const where = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const [broken] = document.errors;
  if (broken)
    throw new WorldError(`${where(broken.pos[0])}: ${broken.message.split('\n')[0]?.replace(/ at line.*/, '')}`);
  const positionOf = (path: readonly PropertyKey[]): number => {
    for (let length = path.length; length > 0; length -= 1) {
      const parent = document.getIn(path.slice(0, length - 1), true);
      const last = path[length - 1];
      const key = isMap(parent)
        ? parent.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === String(last))?.key
        : document.getIn(path.slice(0, length), true);
      if (isNode(key) && key.range) return key.range[0];
    }
    return 0;
  };
  const say = (path: readonly PropertyKey[], message: string): string =>
    `${where(positionOf(path))}: ${keyText(path)}${message}`;

  const parsed = worldSchema.safeParse(document.toJS());
  if (!parsed.success) {
    const faults = parsed.error.issues.flatMap((issue) => {
      if (issue.code === 'unrecognized_keys') {
        return issue.keys.map((key) => say([...issue.path, key], 'unknown key'));
      }
      if (issue.code === 'invalid_value') {
        const missing = document.hasIn(issue.path) ? '' : 'missing, ';
        return [say(issue.path, `${missing}must be one of ${issue.values.join(', ')}`)];
      }
      const { path, message } = plainest(issue);
      return [say(path, message)];
    });
    throw new WorldError(faults.join('\n'));
  }
  const faults = referenceFaults(parsed.data).map(({ path, message }) => say(path, message));
  if (faults.length > 0) throw new WorldError(faults.join('\n'));
  return parsed.data;
}

/** `zones[2].is: ` */
function keyText(path: readonly PropertyKey[]): string {
  if (path.length === 0) return '';
  const steps = path.map((step, index) =>
    typeof step === 'number' ? `[${step}]` : `${index > 0 ? '.' : ''}${String(step)}`,
  );
  return `${steps.join('')}: `;
}
