/**
 * Who may come in: the answer to a CONNECT. A name is checked with its password; a client certificate stands for the
 * user that its subject's common name names; whoever names nobody is the anonymous client, where that is allowed.
 */
import type { ConnectPacket } from 'aedes';
import type { CalmLog } from '../ops/calm-log.ts';
import type { Connection } from './connection.ts';
import type { Credentials } from './credentials.ts';
import type { DoorCounters } from './door-counters.ts';
import type { FramesIn } from './frames-in.ts';
import { routeOf } from './topics.ts';
import { mayPublish, type User } from './users.ts';

/** A return code of CONNACK (MQTT 3.1.1, table 3.1) and the reason in words. */
export interface Rejection {
  readonly returnCode: number;
  readonly reason: string;
  /** The log names it already. */
  readonly told?: true;
}

export const IDENTIFIER_REJECTED = 2;
const SERVER_UNAVAILABLE = 3;
const BAD_USER_OR_PASSWORD = 4;
const NOT_AUTHORIZED = 5;
/** A session is kept under it. */
const LONGEST_CLIENT_ID = 256;

export interface AdmissionParts {
  /** Absent: there are no users, and names are not looked at. */
  readonly credentials: Credentials | undefined;
  readonly frames?: Pick<FramesIn, 'framed'> | undefined;
  readonly counters: DoorCounters;
  readonly log: CalmLog;
}

export interface Introduction {
  readonly id: string;
  readonly user: string | undefined;
  readonly password: Uint8Array | undefined;
  /** Topic of its will. */
  readonly will: string | undefined;
}

export class Admission {
  readonly #parts: AdmissionParts;

  constructor(parts: AdmissionParts) {
    this.#parts = parts;
  }

  /** `done` without a rejection: it may come in, as `connection.user`. */
  decide(connection: Connection, introduction: Introduction, done: (rejection?: Rejection) => void): void {
    const { credentials } = this.#parts;
    const { user: name, password = new Uint8Array() } = introduction;
    if (credentials === undefined) {
      done(this.#anonymous(connection, introduction));
      return;
    }
    if (name === undefined) {
      const { certificateName } = connection;
      const user = certificateName === undefined ? undefined : credentials.users.get(certificateName);
      done(
        user === undefined ? this.#anonymous(connection, introduction) : this.#enter(connection, introduction, user),
      );
      return;
    }
    const { address } = connection;
    const wanted = () => !connection.client.closed;
    connection.deciding = true;
    credentials
      .check({ name, password, address, client: introduction.id, wanted })
      .then((verdict) => {
        connection.decided();
        if (verdict.is === 'gone') return;
        if (verdict.is === 'user') done(this.#enter(connection, introduction, verdict.user));
        else if (verdict.is === 'wrong')
          done({ returnCode: BAD_USER_OR_PASSWORD, reason: 'bad user name or password', told: true });
        else done({ returnCode: SERVER_UNAVAILABLE, reason: `come back in ${Math.ceil(verdict.afterMs / 1000)} s` });
      })
      .catch(() => done({ returnCode: SERVER_UNAVAILABLE, reason: 'the password could not be checked' }));
  }

  #anonymous(connection: Connection, { id }: Introduction): Rejection | undefined {
    const { credentials } = this.#parts;
    if (!connection.anonymous) return this.#refuse(NOT_AUTHORIZED, id, 'a client without a user name', undefined);
    const [owner = ''] = id.split('/', 1);
    // Sessions of users have such names, see `sessionName`.
    if (id.includes('/') && credentials?.users.has(owner)) {
      return this.#refuse(IDENTIFIER_REJECTED, id, 'this client id belongs to a user', undefined);
    }
    return undefined;
  }

  #enter(connection: Connection, { id, will }: Introduction, user: User): Rejection | undefined {
    if (will !== undefined) {
      const route = routeOf(will, user.name, this.#parts.frames);
      const ofDevice = route.to === 'frame' || will.startsWith('in/');
      if (route.to === 'nowhere' || !mayPublish(user, route.kind, ofDevice ? route.device : user.name))
        return this.#refuse(NOT_AUTHORIZED, id, 'its will is not for a device of this user', user);
    }
    connection.user = user;
    return undefined;
  }

  #refuse(returnCode: number, client: string, reason: string, user: User | undefined): Rejection {
    this.#parts.counters.notAuthorized += 1;
    this.#parts.log.warn({ client, ...(user && { user: user.name }) }, `refused: ${reason}`);
    return { returnCode, reason, told: true };
  }
}

/** A session belongs to a user: whoever uses another's client id gets one of his own. */
export function sessionName(user: User, clientId: string): string {
  return `${user.name}/${clientId}`;
}

/** What is wrong with the client id of a CONNECT; undefined: nothing. */
export function wrongClientId({ clientId, clean }: Pick<ConnectPacket, 'clientId' | 'clean'>): string | undefined {
  // MQTT-3.1.3-8: without an id there is no session to keep.
  if (clientId === '' && clean === false) return 'an empty client id needs a clean session';
  return clientId.length > LONGEST_CLIENT_ID ? `a client id has at most ${LONGEST_CLIENT_ID} characters` : undefined;
}

/** What the broker closes a connection with. */
export function refusal({ reason, returnCode, told }: Rejection): Error & { returnCode: number } {
  return Object.assign(new Error(reason), { returnCode, ...(told && { told }) });
}
