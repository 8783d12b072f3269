/**
 * Baseline of the drain: a bare idempotent kafkajs producer, gzip, acks all, one topic-partition a send, batches of
 * 2,000, of records that lie ready in memory. `node bare-producer.js --broker H:P --topic T --partition N --key HUB
 * --file F`, where F holds one record's value a line; prints `{events, bytes, seconds, cpu}`.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { CompressionTypes, Kafka, logLevel, type Message } from 'kafkajs';

const BATCH = 2_000;

const { values } = parseArgs({
  options: {
    broker: { type: 'string', default: '127.0.0.1:9092' },
    topic: { type: 'string', default: 'bench.bare' },
    partition: { type: 'string', default: '0' },
    key: { type: 'string', default: 'bench' },
    file: { type: 'string', default: '' },
  },
});

const records = readFileSync(values.file, 'utf8')
  .split('\n')
  .filter((line) => line !== '');
const kafka = new Kafka({ clientId: 'bench-bare', brokers: [values.broker], logLevel: logLevel.ERROR });
const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false });
await producer.connect();

const partition = Number(values.partition);
const headers = { 'content-type': 'application/cloudevents+json' };
const cpuBefore = process.cpuUsage();
const begun = performance.now();
let bytes = 0;
for (let from = 0; from < records.length; from += BATCH) {
  const messages: Message[] = [];
  for (const value of records.slice(from, from + BATCH)) {
    bytes += value.length;
    messages.push({ key: values.key, value, headers, partition });
  }
  const sent = await producer.send({ topic: values.topic, acks: -1, compression: CompressionTypes.GZIP, messages });
  if (!sent.some((entry) => entry.partition === partition)) throw new Error('a send that no partition confirmed');
}
const seconds = (performance.now() - begun) / 1000;
const cpu = process.cpuUsage(cpuBefore);
console.log(JSON.stringify({ events: records.length, bytes, seconds, cpu: (cpu.user + cpu.system) / 1e6 }));
await producer.disconnect();
