/**
 * The server of cold units as a process of its own, that can be killed: options as JSON in its argument, states of units
 * as messages from its parent.
 */
import { FridgeServer, type FridgeServerOptions, type FridgeState } from './opcua-fridges.ts';

export type ToFridges = { readonly unit: string; readonly state: FridgeState } | 'stop';

const server = new FridgeServer(JSON.parse(process.argv[2] ?? '{}') as FridgeServerOptions);
process.on('message', (message: ToFridges) => {
  if (message === 'stop') void server.stop().then(() => process.disconnect());
  else server.tell(message.unit, message.state);
});
// Without its parent it ends.
process.on('disconnect', () => process.exit());
await server.start();
process.send?.('ready');
