/**
 * Who the broker library holds for connected, mended in two points: a connection that closed while it was being let in
 * would stay for ever, and its close would strike out whoever is there under the same client id.
 *
 * Two members of the library are used that it does not document: `clients` and `unregisterClient`.
 */
import type { Aedes, Client } from 'aedes';

interface Registry {
  readonly clients: Readonly<Record<string, Client | undefined>>;
  unregisterClient(client: Client): void;
}

/** `begin` is called for each client that was let in and is still there. */
export function watchRegistry(broker: Aedes, begin: (client: Client) => void): void {
  const registry = broker as unknown as Registry;
  const unregister = registry.unregisterClient.bind(registry);
  registry.unregisterClient = (client) => {
    if (registry.clients[client.id] === client) unregister(client);
  };
  broker.on('client', (client) => {
    if (client.closed) registry.unregisterClient(client);
    else begin(client);
  });
}
