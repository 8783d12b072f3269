/**
 * Routes under /api that machines use, too: tills, the shop's own app. A machine is no browser, it shows a name and a
 * password of `mqtt.users` that has the permission. A route says so in its config,
 *
 *   app.post('/api/claims', { config: { machines: { permission: 'claims', staff: true } } }, ...)
 *
 * and the PIN's gate leaves it to this one. Where the hub is open to all (on this machine, or by configuration) nothing
 * need be shown, except on a route with `named`; what is shown is checked all the same.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Problem } from '../ops/problem.ts';
import { tokenOf } from './gate.ts';
import type { Sessions } from './sessions.ts';

export interface ForMachines {
  /** What a user of `mqtt.users` needs in `may`. */
  readonly permission: 'claims' | 'offers' | 'consent';
  /** Whether the PIN of the staff page is enough. */
  readonly staff: boolean;
  /** Where others than this machine reach it, somebody must be named, also when the hub is open to all. */
  readonly named?: true;
}

const NO_USERS =
  'over the network this needs a user, and there is none: add one to `mqtt.users` (`store-hub passwd NAME`)';

declare module 'fastify' {
  interface FastifyContextConfig {
    readonly machines?: ForMachines;
  }
}

export interface MachineUser {
  readonly may: ReadonlySet<string>;
  /** As which it speaks: for a till its own name. */
  readonly devices: ReadonlySet<string>;
}

export interface MachineAccessOptions {
  /** Who shows name and password; nothing: nobody did, and nobody need (unless `named`). Throws Problem: 401, 429. */
  readonly userOf: (request: FastifyRequest, named: boolean) => Promise<MachineUser | undefined>;
  /** Present: others than this machine reach the server. */
  readonly network?: { readonly hasUsers: boolean };
  /** Absent: nobody is asked for a PIN. */
  readonly sessions: Sessions | undefined;
}

/** Call it before the routes that it guards are added. On a server without it, such as edge.sock, they are open. */
export function machineAccess(app: FastifyInstance, { userOf, sessions, network }: MachineAccessOptions): void {
  app.addHook('onRequest', async (request) => {
    const { machines } = request.routeOptions.config;
    if (machines === undefined) return;
    if (request.headers.authorization === undefined && machines.staff && sessions !== undefined) {
      const token = tokenOf(request);
      if (token !== undefined && sessions.use(token)) return;
    }
    const named = machines.named === true && network !== undefined;
    if (named && !network.hasUsers) throw new Problem(403, `${NO_USERS} with \`may: [${machines.permission}]\``);
    const user = await userOf(request, named);
    if (user === undefined) return;
    if (user.may.has(machines.permission)) {
      known.set(request, user);
      return;
    }
    throw new Problem(403, `this user needs \`may: [${machines.permission}]\``);
  });
}

const known = new WeakMap<FastifyRequest, MachineUser>();

/** Who showed name and password; nothing: staff, or whoever is let in without. */
export function machineOf(request: FastifyRequest): MachineUser | undefined {
  return known.get(request);
}
