import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { waitUntil } from '../../device-sims/harness/wait-until.ts';
import type { Alert } from '../contracts/alerts.ts';
import { MqttDelivery } from './mqtt-delivery.ts';
import type { OutMessage } from './outbox.ts';

/** A broker whose answers are in the test's hand. */
function broker() {
  const sent: string[] = [];
  const answers: ((error?: Error) => void)[] = [];
  const delivered: number[] = [];
  const delivery = new MqttDelivery({
    publish: (topic, payload) => {
      sent.push(`${topic} ${payload}`);
      return new Promise((resolve, reject) => {
        answers.push((error) => (error ? reject(error) : resolve()));
      });
    },
    delivered: (ids) => delivered.push(...ids),
    logger: pino({ level: 'silent' }),
  });
  return { sent, answers, delivered, delivery };
}

function message(id: number): OutMessage {
  return { id, topic: 'out/alerts/shelf-gap/A1', payload: String(id), retain: true };
}

describe('delivery of the outbox', () => {
  it('reports in order what went out, although a frozen subscriber holds up an earlier one', async () => {
    const { sent, answers, delivered, delivery } = broker();
    delivery.start([], []);
    delivery.push([message(1), message(2), message(3)]);
    expect(sent).toHaveLength(3);
    answers[1]?.();
    answers[2]?.();
    await waitUntil('nothing is reported before its turn', async () => delivered.length === 0);
    answers[0]?.();
    await waitUntil('all are reported', async () => delivered.length === 3);
    expect(delivered).toEqual([1, 2, 3]);
    delivery.stop();
  });

  it('sends again from the first that was not taken, in the same order', async () => {
    const { sent, answers, delivered, delivery } = broker();
    delivery.start([], []);
    delivery.push([message(1), message(2), message(3)]);
    answers[0]?.();
    answers[1]?.(new Error('closed'));
    answers[2]?.();
    await waitUntil('the second round', async () => sent.length === 5);
    expect(sent.slice(3).map((line) => line.slice(-1))).toEqual(['2', '3']);
    answers[3]?.();
    answers[4]?.();
    await waitUntil('all are reported', async () => delivered.length === 3);
    expect(delivered).toEqual([1, 2, 3]);
    delivery.stop();
  });

  it('at start sends what was left over, then every open alert again, then what was decided meanwhile', () => {
    const { sent, delivery } = broker();
    const alert = { id: 'x'.repeat(26), rule: 'shelf-gap', subject: 'A 1/2', state: 'open' } as Alert;
    delivery.push([message(8)]);
    expect(sent).toEqual([]);
    delivery.start([message(7)], [alert]);
    expect(sent[0]).toBe('out/alerts/shelf-gap/A1 7');
    expect(sent[1]).toBe(`out/alerts/shelf-gap/A%201%2F2 ${JSON.stringify(alert)}`);
    expect(sent[2]).toBe('out/alerts/shelf-gap/A1 8');
    delivery.stop();
  });
});
