/**
 * The mix of a whole shop at a fixed rate, as a program of its own: `node mix-load.js --port 1883 --rate 2000
 * --seconds 60`. Prints a line of JSON when it is ready to begin, and one with what was acknowledged at the end.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { shopMix } from '../load/shop-mix.ts';
import { MqttSession } from './mqtt-session.ts';

const SEED = 20_261_121;
const TICK_MS = 2;

const { values } = parseArgs({
  options: { port: { type: 'string' }, rate: { type: 'string' }, seconds: { type: 'string' } },
});
const [port, rate, seconds] = [Number(values.port), Number(values.rate), Number(values.seconds)];

const readings = shopMix(rate * seconds, SEED).map(({ kind, device, reading }) => ({
  topic: `in/${kind}/${device}`,
  reading,
}));
const session = await MqttSession.open(port, 'bench-mix');
let acknowledged = 0;
console.log(JSON.stringify({ ready: readings.length }));
const begun = performance.now();
let sent = 0;
while (sent < readings.length) {
  const due = Math.min(readings.length, Math.floor(((performance.now() - begun) / 1000) * rate));
  for (; sent < due; sent += 1) {
    const next = readings[sent];
    if (!next) break;
    void session.publish(next.topic, next.reading).then(() => {
      acknowledged += 1;
    });
  }
  await sleep(TICK_MS);
}
while (acknowledged < sent) await sleep(TICK_MS);
console.log(JSON.stringify({ acknowledged, seconds: (performance.now() - begun) / 1000 }));
session.close();
