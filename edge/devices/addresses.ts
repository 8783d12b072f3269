/** All addresses of the broker as the configuration names them, started and stopped together. */
import type { TlsFiles } from '../ops/certificates.ts';
import type { Logger } from '../ops/logging.ts';
import { type Address, type Listener, type ListenerParts, TcpListener } from './listeners.ts';
import { TlsListener } from './tls-listener.ts';
import { WebSocketListener } from './websocket-listener.ts';

interface OpenAt {
  readonly listen: Address;
  /** Whether clients without a name come in there; default true. */
  readonly anonymous?: boolean;
}

export interface AddressOptions extends OpenAt {
  readonly tls?: (OpenAt & { readonly files: TlsFiles; readonly lookEvery?: number }) | undefined;
  readonly websocket?: (OpenAt & { readonly hosts: readonly string[] }) | undefined;
}

export interface AddressParts extends Pick<ListenerParts, 'enter' | 'accept' | 'refused'> {
  readonly logger: Logger;
  /** Bytes of a publish, and of large packets that are arriving. */
  readonly packet: number;
  readonly arriving: number;
  /** Seconds that a packet may take. */
  readonly packetAge: number;
}

export interface Ports {
  readonly port: number;
  readonly tlsPort?: number;
  readonly websocketPort?: number;
}

/** A message may hold a whole packet and the small ones around it. */
const AROUND = 65_536;

export class Addresses {
  readonly #tcp: Listener;
  readonly #tls: TlsListener | undefined;
  readonly #websocket: Listener | undefined;

  constructor({ listen, anonymous = true, tls, websocket }: AddressOptions, parts: AddressParts) {
    const { enter, accept, refused, logger } = parts;
    const shared = { enter, accept, refused };
    this.#tcp = new TcpListener({ ...shared, listen, anonymous });
    this.#tls = tls && new TlsListener({ ...shared, logger, anonymous: true, ...tls });
    this.#websocket =
      websocket &&
      new WebSocketListener({
        ...shared,
        anonymous: true,
        ...websocket,
        message: parts.packet + AROUND,
        arriving: parts.arriving,
        messageAge: parts.packetAge,
      });
  }

  /** What an operator should know of the certificate. */
  get warnings(): readonly string[] {
    return this.#tls?.warnings ?? [];
  }

  /** Throws HubError PORT_IN_USE, or CONFIG_INVALID for files of TLS that cannot be used. */
  async start(): Promise<Ports> {
    const { port } = await this.#tcp.start();
    const tls = await this.#tls?.start();
    const websocket = await this.#websocket?.start();
    return {
      port,
      ...(tls !== undefined && { tlsPort: tls.port }),
      ...(websocket !== undefined && { websocketPort: websocket.port }),
    };
  }

  /** Takes no more connections; resolves when those that there are have ended. */
  async stop(): Promise<void> {
    await Promise.all([this.#tcp, this.#tls, this.#websocket].map((listener) => listener?.stop()));
  }
}
