/**
 * The addresses at which the broker is reached: plain TCP, TLS, and WebSocket. Each hands its connections to the same
 * door, so all of the door's guards hold for all of them.
 */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { HubError } from '../contracts/errors.ts';
import type { Guest } from '../ops/doorstep.ts';
import type { DoorSocket } from './connection.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** What a listener knows of a connection. */
export interface Arrival {
  /** Its place at the door. */
  readonly guest: Guest;
  /** Whether it may come in without a name. */
  readonly anonymous: boolean;
  /** Common name of its client certificate, which was checked. */
  readonly certificateName?: string | undefined;
}

export interface ListenerParts {
  readonly listen: Address;
  /** Whether clients without a name come in here. */
  readonly anonymous: boolean;
  /** A new connection, before its first byte; undefined: there is no room for it. */
  readonly enter: (socket: Socket) => Guest | undefined;
  readonly accept: (socket: DoorSocket, arrival: Arrival) => void;
  /** A connection was turned away before the door saw it. */
  readonly refused: (why: string, address: string | undefined) => void;
}

/** One address; stopping it leaves its connections to the door. */
export interface Listener {
  start(): Promise<{ port: number }>;
  stop(): Promise<void>;
}

/** Resolves with the port. Throws HubError PORT_IN_USE, naming `key`. */
export async function listen(server: Server, key: string, { host, port }: Address): Promise<{ port: number }> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE';
      reject(taken ? new HubError('PORT_IN_USE', `${key}: ${host}:${port} is taken`, { cause: error }) : error);
    });
    server.listen(port, host, resolve);
  });
  return { port: (server.address() as AddressInfo).port };
}

export class TcpListener implements Listener {
  readonly #parts: ListenerParts;
  #server: Server | undefined;

  constructor(parts: ListenerParts) {
    this.#parts = parts;
  }

  start(): Promise<{ port: number }> {
    const { accept, enter, anonymous } = this.#parts;
    const server = createServer({ noDelay: true }, (socket) => {
      const guest = enter(socket);
      if (guest === undefined) socket.destroy();
      else accept(socket, { guest, anonymous });
    });
    this.#server = server;
    return listen(server, 'mqtt.listen', this.#parts.listen);
  }

  stop(): Promise<void> {
    return closed(this.#server);
  }
}

/** Resolves when nothing is accepted any more and every connection is closed. */
export function closed(server: Server | undefined): Promise<void> {
  return new Promise((resolve) => (server?.listening ? server.close(() => resolve()) : resolve()));
}
