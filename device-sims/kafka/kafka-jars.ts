/**
 * The jars of a real Apache Kafka, fetched once by Maven (pom.xml beside this file says which), and a class data
 * archive of them that halves a broker's start. Safe when two processes want them at the same time: the first one
 * works under a lock file, the other waits, and the finished folder appears by one rename.
 */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { accessSync, constants, existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { projectRoot } from '../harness/project.ts';

const run = promisify(execFile);
const POM = fileURLToPath(new URL('./pom.xml', import.meta.url));
const ARCHIVE = 'classes.jsa';

/** Small, and quick to start: a broker of a test or the demo lives for minutes. */
const JVM = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Dorg.slf4j.simpleLogger.showDateTime=true'];
const QUIET = '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn';

export interface KafkaJars {
  readonly lib: string;
  /** Arguments for `java` that end where the main class goes. */
  readonly java: readonly string[];
}

function onPath(command: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function kafkaVersion(): string {
  return /<kafka\.version>(.+)<\/kafka\.version>/.exec(readFileSync(POM, 'utf8'))?.[1] ?? '';
}

/** `.kafka/lib` of the checkout this file belongs to; of an installed package, the user's cache. */
function libFolder(): string {
  const wanted = process.env.STORE_HUB_KAFKA_LIB;
  if (wanted) return wanted;
  const folder = projectRoot();
  if (existsSync(join(folder, '.git'))) return join(folder, '.kafka', 'lib');
  return join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'store-hub', 'kafka', 'lib');
}

function isComplete(lib: string): boolean {
  return existsSync(join(lib, `kafka_2.13-${kafkaVersion()}.jar`));
}

/** The major version of `java` on the path, or nothing. */
async function javaVersion(): Promise<number | undefined> {
  try {
    const { stderr } = await run('java', ['-version']);
    return Number(/version "(\d+)/.exec(stderr)?.[1] ?? Number.NaN) || undefined;
  } catch {
    return undefined;
  }
}

/** Why this machine cannot run a broker, in one sentence; nothing when it can. */
export async function whyNoKafka(): Promise<string | undefined> {
  const java = await javaVersion();
  if (java === undefined) return 'there is no `java` here: install a Java runtime, 17 or newer';
  if (java < 17) return `\`java\` is version ${java}: install a Java runtime, 17 or newer`;
  if (!isComplete(libFolder()) && !onPath('mvn'))
    return 'Kafka is not fetched yet and there is no `mvn` here: install Maven';
  return undefined;
}

/** Holds `path` as a lock while `work` runs. A lock whose process is gone is taken over. */
async function locked<T>(path: string, work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      const file = await open(path, 'wx');
      await file.writeFile(String(process.pid));
      await file.close();
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    if (await isAbandoned(path)) await rm(path, { force: true });
    else await sleep(200);
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function isAbandoned(path: string): Promise<boolean> {
  try {
    const pid = Number(await readFile(path, 'utf8'));
    // Empty: its maker is between two steps, or died there.
    if (!pid) return Date.now() - (await stat(path)).mtimeMs > 5_000;
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

async function fetchInto(lib: string, signal?: AbortSignal): Promise<void> {
  const fresh = `${lib}-${randomUUID()}`;
  try {
    await run('mvn', ['-q', '-B', '-f', POM, 'dependency:copy-dependencies', `-DoutputDirectory=${fresh}`], {
      maxBuffer: 16 * 1024 * 1024,
      ...(signal ? { signal } : {}),
    });
    await rm(lib, { recursive: true, force: true });
    await rename(fresh, lib);
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    signal?.throwIfAborted();
    const said = (error as { stdout?: string }).stdout?.split('\n').find((line) => line.includes('ERROR'));
    throw new Error(`Maven could not fetch Kafka: ${said ?? String(error)}`, { cause: error });
  }
}

function classPath(lib: string): string {
  return readdirSync(lib)
    .filter((name) => name.endsWith('.jar'))
    .sort()
    .map((name) => join(lib, name))
    .join(delimiter);
}

function javaArguments(lib: string): string[] {
  const archive = join(lib, ARCHIVE);
  return [
    ...JVM,
    QUIET,
    ...(existsSync(archive) ? [`-XX:SharedArchiveFile=${archive}`, '-Xlog:cds=off', '-Xlog:cds+dynamic=off'] : []),
    '-cp',
    classPath(lib),
  ];
}

export interface JarsOptions {
  /**
   * Starts and cleanly stops one broker with these java arguments, so that the classes it used can be archived.
   * Without an archive everything works, only more slowly.
   */
  readonly rehearse: (java: readonly string[]) => Promise<void>;
  /** Hears what is being waited for. */
  readonly say: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
}

async function archiveClasses(lib: string, rehearse: JarsOptions['rehearse']): Promise<void> {
  const fresh = join(lib, `${randomUUID()}.jsa`);
  const flags = [`-XX:ArchiveClassesAtExit=${fresh}`, '-Xlog:cds=off', '-Xlog:cds+dynamic=off'];
  try {
    await rehearse([...flags, ...javaArguments(lib)]);
    if (existsSync(fresh)) await rename(fresh, join(lib, ARCHIVE));
  } finally {
    await rm(fresh, { force: true });
  }
}

/** The jars and how to run them; fetched if need be. */
export async function kafkaJars({ rehearse, say, signal }: JarsOptions): Promise<KafkaJars> {
  const lib = libFolder();
  if (!isComplete(lib) || !existsSync(join(lib, ARCHIVE))) {
    await mkdir(dirname(lib), { recursive: true });
    await locked(`${lib}.lock`, async () => {
      signal?.throwIfAborted();
      if (!isComplete(lib)) {
        say(`fetching Apache Kafka ${kafkaVersion()} with Maven, once (46 MB into ${lib})`);
        await fetchInto(lib, signal);
      }
      if (!existsSync(join(lib, ARCHIVE))) {
        say('preparing a class archive, once, so that brokers start quickly');
        await archiveClasses(lib, rehearse).catch((error: unknown) => {
          signal?.throwIfAborted();
          // Not every Java can do it.
          say(`going on without the archive: ${String(error)}`);
        });
      }
    });
  }
  return { lib, java: javaArguments(lib) };
}
