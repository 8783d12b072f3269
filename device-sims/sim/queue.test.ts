import { expect, test } from 'vitest';
import { agenda, type Life } from './agenda.ts';
import type { Fact } from './ledger-records.ts';
import { openQueue } from './queue.ts';

test('many who wait at two tills are served in the order in which they came, two at a time', () => {
  const time = agenda(0);
  const told: Fact[] = [];
  const queue = openQueue('tills', ['till-1', 'till-2'], (fact) => told.push(fact));
  let atOnce = 0;
  let most = 0;
  function* customer(who: number): Life {
    const turn = queue.join(who);
    expect(() => turn.by()).toThrow('is not served yet');
    yield turn.wait;
    atOnce += 1;
    most = Math.max(most, atOnce);
    expect(['till-1', 'till-2']).toContain(turn.by());
    // The slow first one does not hold up the other till.
    yield who === 1 ? 500 : 70;
    atOnce -= 1;
    turn.done();
  }
  for (let who = 1; who <= 20; who += 1) time.at(who * 10, () => time.live(customer(who)));
  time.advance(205);
  expect(queue.length()).toBe(18);
  time.advance(5_000);
  const served = told.filter((fact) => fact.kind === 'served');
  expect(served.map(({ who }) => who)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
  expect(served.filter(({ by }) => by === 'till-1').length).toBeLessThan(10);
  expect(most).toBe(2);
  expect(queue.length()).toBe(0);
});
