/** The broker over TLS 1.2 and newer, with certificates of clients where the configuration asks for them. */
import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { HubError } from '../contracts/errors.ts';
import { expiryWarning, readTlsIdentity, type TlsFiles, type TlsIdentity, versionOf } from '../ops/certificates.ts';
import type { Guest } from '../ops/doorstep.ts';
import type { Logger } from '../ops/logging.ts';
import { closed, type Listener, type ListenerParts, listen } from './listeners.ts';

const HANDSHAKE_MS = 10_000;
const LOOK_EVERY_MS = 60_000;

export interface TlsListenerParts extends ListenerParts {
  readonly files: TlsFiles;
  readonly logger: Logger;
  /** Wall clock, epoch ms. */
  readonly now?: () => number;
  /** How often the files are looked at, ms; default a minute. */
  readonly lookEvery?: number;
}

export class TlsListener implements Listener {
  readonly #parts: TlsListenerParts;
  #server: Server | undefined;
  #looking: NodeJS.Timeout | undefined;
  #version = '';
  #expires = Number.POSITIVE_INFINITY;
  /** Why the files that are there now are not used. */
  #trouble: string | undefined;
  /** Sockets that the door has not seen yet, by where they come from. */
  readonly #greeting = new Map<string, { readonly socket: Socket; readonly guest: Guest }>();

  constructor(parts: TlsListenerParts) {
    this.#parts = parts;
  }

  /** What an operator should know of the certificate. */
  get warnings(): readonly string[] {
    const { now = Date.now } = this.#parts;
    const expiry = expiryWarning('mqtt.tls', this.#expires, now());
    return [expiry, this.#trouble].filter((warning) => warning !== undefined);
  }

  /** Throws HubError CONFIG_INVALID for files that cannot be used, and PORT_IN_USE. */
  start(): Promise<{ port: number }> {
    const { files, logger, enter, accept, anonymous, refused, lookEvery = LOOK_EVERY_MS } = this.#parts;
    this.#version = versionOf(files);
    const identity = identityOf(files);
    this.#expires = identity.expires;
    const server = createServer(
      {
        ...contextOf(identity),
        minVersion: 'TLSv1.2',
        noDelay: true,
        handshakeTimeout: HANDSHAKE_MS,
        ...(files.client_ca !== undefined && { requestCert: true, rejectUnauthorized: true }),
      },
      (socket) => {
        const guest = this.#greeting.get(originOf(socket))?.guest;
        this.#greeting.delete(originOf(socket));
        if (guest === undefined) socket.destroy();
        else accept(socket, { guest, anonymous, certificateName: commonNameOf(socket) });
      },
    );
    server.on('connection', (socket: Socket) => {
      const origin = originOf(socket);
      const guest = enter(socket);
      if (guest === undefined) {
        socket.destroy();
        return;
      }
      this.#greeting.set(origin, { socket, guest });
      socket.once('close', () => {
        this.#greeting.delete(origin);
        guest.left();
      });
    });
    server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
      refused(`no TLS: ${error.code ?? error.message}`, socket.remoteAddress);
    });
    this.#server = server;
    this.#looking = setInterval(() => this.#look(), lookEvery);
    this.#looking.unref();
    for (const warning of this.warnings) logger.warn(warning);
    return listen(server, 'mqtt.tls.listen', this.#parts.listen);
  }

  stop(): Promise<void> {
    clearInterval(this.#looking);
    const stopped = closed(this.#server);
    for (const { socket } of this.#greeting.values()) socket.destroy();
    return stopped;
  }

  /** New files serve new connections. While they do not fit together, as in the middle of a renewal, the old ones do. */
  #look(): void {
    const { files, logger } = this.#parts;
    const version = versionOf(files);
    if (version === this.#version) return;
    this.#version = version;
    const identity = readTlsIdentity(files);
    if (!('expires' in identity)) {
      this.#trouble = `mqtt.tls goes on with its earlier certificate: ${identity.map(({ fault }) => fault).join('; ')}`;
      logger.warn(this.#trouble);
      return;
    }
    this.#server?.setSecureContext({ ...contextOf(identity), minVersion: 'TLSv1.2' });
    this.#expires = identity.expires;
    this.#trouble = undefined;
    logger.info({ expires: new Date(identity.expires).toISOString() }, 'mqtt.tls has a new certificate');
    for (const warning of this.warnings) logger.warn(warning);
  }
}

function identityOf(files: TlsFiles): TlsIdentity {
  const identity = readTlsIdentity(files);
  if ('expires' in identity) return identity;
  const faults = identity.map(({ at, fault }) => `mqtt.tls.${at}: ${fault}`);
  throw new HubError('CONFIG_INVALID', faults.join('\n'));
}

function contextOf({ cert, key, ca }: TlsIdentity): { cert: string; key: string; ca?: string } {
  return { cert, key, ...(ca !== undefined && { ca }) };
}

/** Undefined without a client certificate. */
function commonNameOf(socket: TLSSocket): string | undefined {
  if (!socket.authorized) return undefined;
  const name: unknown = socket.getPeerCertificate().subject?.CN;
  return typeof name === 'string' ? name : undefined;
}

function originOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
