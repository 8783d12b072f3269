/**
 * Baseline of ingest: aedes as it comes, with no storage, no validation and no rule, in a process of its own.
 * `node bare-broker.js --port N`; prints `{"listening": N}` and ends at SIGTERM.
 */
import { createServer } from 'node:net';
import { parseArgs } from 'node:util';
import { Aedes } from 'aedes';

const { values } = parseArgs({ options: { port: { type: 'string', default: '0' } } });
const broker = await Aedes.createBroker();
const server = createServer({ noDelay: true }, broker.handle);
server.listen(Number(values.port), '127.0.0.1', () => console.log(JSON.stringify({ listening: Number(values.port) })));

process.once('SIGTERM', () => {
  server.close();
  broker.close();
});
