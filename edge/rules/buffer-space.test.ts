import { describe, expect, it } from 'vitest';
import type { EventType } from '../contracts/events.ts';
import { bufferSpace } from './buffer-space.ts';
import type { RuleInput, Step, Views } from './rule.ts';
import { viewsWith } from './views.fixture.ts';

const HOUR = 3_600_000;
const views: Views = viewsWith({ newId: () => 'a'.repeat(26) });

type State = typeof bufferSpace.initial;

function run(...inputs: (readonly [at: number, input: RuleInput])[]): Step<State>[] {
  let state = bufferSpace.initial;
  return inputs.map(([at, input]) => {
    const step = bufferSpace.step(state, input, views, { elapsed: at, wall: at }, 'store-0042');
    state = step.state;
    return step;
  });
}

function event(type: EventType, data: Record<string, unknown>): RuleInput {
  return { id: 'e', type, source: 'hub', subject: 'store-0042', history: false, data };
}

const fill = (level: 'high' | 'normal', cloud = true) =>
  event('local.buffer.changed.v1', { level, percent: 91, cloud });
const staff = (action: string, minutes?: number) =>
  event('local.command.alert.v1', { alert: 'a'.repeat(26), action, rule: 'buffer-space', minutes });
const types = (steps: Step<State>[]) => steps.map((step) => step.decisions.map((decision) => decision.type.slice(14)));

describe('buffer-space', () => {
  it('raises once, says what will be lost and what to do, and resolves when there is room', () => {
    const steps = run([0, fill('high')], [1, fill('high')], [2, fill('normal')], [3, fill('normal')]);
    expect(types(steps)).toEqual([['raised.v1'], [], ['resolved.v1'], []]);
    expect(steps[0]?.decisions[0]?.data).toMatchObject({
      title: 'Storage nearly full',
      detail: expect.stringMatching(/people counts first.*internet connection.*Call support/),
    });
    expect(steps[2]?.state).toEqual({});
  });

  it('says at once when events are dropped, how many and since when', () => {
    const since = '2026-11-20T09:00:00.000Z';
    const drops = (traffic: number) =>
      event('local.buffer.changed.v1', { level: 'high', percent: 99, cloud: false, dropped: { traffic }, since });
    const steps = run([0, fill('high')], [1, staff('acknowledge')], [2, drops(12)], [3, drops(120)]);
    expect(steps[2]?.decisions[0]?.data).toMatchObject({
      state: 'open',
      title: 'Storage full',
      detail: 'Old data is being dropped since 2026-11-20 09:00 UTC, so far: 12 of traffic. Call support.',
    });
    expect(steps[3]?.decisions[0]?.data.detail).toContain('120 of traffic');
    expect(types(run([0, drops(12)]))).toEqual([['raised.v1']]);
  });

  it('reminds of an acknowledged one that stays, and comes back after a snooze', () => {
    const reminded = run([0, fill('high')], [10, staff('acknowledge')], [4 * HOUR + 10, { wake: true }]);
    expect(types(reminded)[2]).toEqual(['reopened.v1']);
    expect(reminded[1]?.wakeAt).toBe(4 * HOUR + 10);
    const snoozed = run([0, fill('high')], [10, staff('snooze', 30)], [HOUR, { wake: true }]);
    expect(snoozed[2]?.decisions[0]?.data).toMatchObject({ state: 'open', reason: 'snooze-ended' });
  });

  it('ends when staff resolve it, and is raised anew when it fills again', () => {
    const steps = run([0, fill('high')], [1, staff('resolve')], [2, fill('normal')], [3, fill('high')]);
    expect(types(steps)).toEqual([['raised.v1'], ['resolved.v1'], [], ['raised.v1']]);
  });
});
