/** Every error an operator may meet: its code, and what to do about it. Code throws these, it does not log and carry on. */

const CATALOGUE = {
  CONFIG_INVALID: { exit: 78, advice: 'correct the configuration; `store-hub check-config` shows every fault' },
  CONFIG_MISSING: {
    exit: 78,
    advice: 'pass --config FILE, or create ./config/store.yaml or /etc/store-hub/store.yaml',
  },
  WRONG_USE: { exit: 2, advice: 'see `store-hub --help`' },
  NEEDS_YES: { exit: 2, advice: 'add `--yes` if you are sure' },
  JOURNAL_NEWER: { exit: 78, advice: 'this database was written by a newer version: install that version again' },
  JOURNAL_OTHER_HUB: { exit: 78, advice: 'set `hub` back to the recorded name, or give this hub an empty data_dir' },
  JOURNAL_LOCKED: { exit: 1, advice: 'another edge runs on this data_dir: stop it first' },
  JOURNAL_NOT_FULL_SYNC: { exit: 1, advice: 'SQLite did not accept synchronous=FULL: do not run on this build' },
  JOURNAL_UNREADABLE: {
    exit: 1,
    advice: 'start the edge once so that it creates the journal, and check the rights on data_dir',
  },
  JOURNAL_DAMAGED: {
    exit: 1,
    advice: 'start the edge: it sets the damaged journal aside, saves what can be read, and says what was lost',
  },
  SHOPPERS_DAMAGED: {
    exit: 1,
    advice:
      'start the edge: it begins shoppers.db anew; nobody counts as having granted consent until it is granted again',
  },
  JOURNAL_GONE: {
    exit: 1,
    advice: 'nothing more was acknowledged; put the data_dir back, or start the edge to begin a new journal',
  },
  BACKUP_EXISTS: { exit: 1, advice: 'choose another name, or replace it with --force' },
  BACKUP_FAILED: { exit: 1, advice: 'nothing was changed; remove the cause and try again' },
  BACKUP_UNUSABLE: { exit: 1, advice: 'nothing was changed; choose another backup of this hub' },
  NOT_STORED: { exit: 1, advice: 'the hub cannot write now; the device keeps its reading and sends it again' },
  PORT_IN_USE: { exit: 1, advice: 'another program listens there: stop it or change the address' },
  EDGE_DOWN: { exit: 1, advice: 'start the edge: `store-hub edge`, or `systemctl start store-hub-edge`' },
  BRIDGE_LOCKED: { exit: 1, advice: 'another bridge runs on this bridge.data_dir: stop it first' },
  CLOUD_MISSING: { exit: 78, advice: 'add `cloud: { brokers: [...], partition: N }` to the configuration' },
  CLOUD_UNREACHABLE: { exit: 1, advice: 'check the network and `cloud.brokers`' },
  RESUME_REFUSED: {
    exit: 1,
    advice: 'read the reason; `store-hub bridge resume --dry-run` shows what head office holds',
  },
  INTERNAL: { exit: 1, advice: 'this is a fault of the program: keep the log, and report it' },
  INPUT_REFUSED: { exit: 2, advice: 'run it again' },
  EVENT_NOT_FOUND: { exit: 1, advice: '`store-hub journal tail` shows the newest ids' },
  DEVICE_NOT_FOUND: { exit: 1, advice: '`store-hub devices list` shows what is configured and what was heard' },
  LETTER_NOT_FOUND: { exit: 1, advice: '`store-hub dead-letters list` shows the ids' },
  EPC_UNREADABLE: {
    exit: 1,
    advice: "give the tag's whole EPC memory; only codes of the GS1 Tag Data Standard are tracked",
  },
  NOT_FOUND: { exit: 1, advice: 'list what there is, and check the id' },
} as const;

export type ErrorCode = keyof typeof CATALOGUE;

export class HubError extends Error {
  readonly code: ErrorCode;
  override readonly name = 'HubError';

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }

  get exitCode(): number {
    return CATALOGUE[this.code].exit;
  }

  get advice(): string {
    return CATALOGUE[this.code].advice;
  }
}

/** The message of whatever was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** SQLite's errors after which the file itself is not to be trusted: damaged, or the disk cannot read it any more. */
export function isDamage(thrown: unknown): boolean {
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  return /^SQLITE_(CORRUPT|NOTADB|IOERR_(READ|SHORT_READ|CORRUPTFS))/.test(code);
}

/** The same sentence in every command, whoever met the damage. */
export function damaged(cause: unknown): HubError {
  return new HubError('JOURNAL_DAMAGED', 'the journal is damaged', { cause });
}
