/**
 * Limits how many connections an HTTP server has. One is silent while no whole request of it is being answered: idle,
 * or with a head or a body that is still arriving. Such ones give way to newer ones when a limit is reached, so slow
 * requests keep nobody out.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { CalmLog } from './calm-log.ts';
import type { Doorstep, Guest } from './doorstep.ts';

interface Place {
  readonly guest: Guest;
  /** Requests that are being answered: several may have been sent at once. */
  answering: number;
}

export function guardConnections(server: Server, doorstep: Doorstep, log: CalmLog): void {
  const places = new WeakMap<Socket, Place>();
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress;
    const guest = doorstep.enter(address, () => {
      log.warn({ address }, 'an idle or slow HTTP connection was closed: newer ones needed its place');
      socket.destroy();
    });
    if (guest === undefined) {
      log.warn({ address }, 'an HTTP connection was turned away: too many are open (http.limits)');
      socket.destroy();
      return;
    }
    places.set(socket, { guest, answering: 0 });
    socket.once('close', () => guest.left());
  });
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const place = places.get(request.socket);
    if (place === undefined) return;
    let whole = false;
    const answering = (): void => {
      whole = true;
      place.answering += 1;
      place.guest.spoke();
    };
    response.once('close', () => {
      request.off('end', answering);
      if (whole) place.answering -= 1;
      if (place.answering === 0) place.guest.fellSilent();
    });
    const { 'content-length': length = '0', 'transfer-encoding': encoding } = request.headers;
    if (encoding === undefined && Number(length) === 0) answering();
    else request.once('end', answering);
  });
}
