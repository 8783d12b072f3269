import { describe, expect, it } from 'vitest';
import { ElapsedClock } from './elapsed-clock.ts';

function clocks(wall: number, monotonic: number) {
  const state = { wall, monotonic };
  return { state, sources: { wall: () => state.wall, monotonic: () => state.monotonic } };
}

describe('the elapsed clock', () => {
  it('runs with the monotonic clock, whatever the wall clock does', () => {
    const { state, sources } = clocks(1_000_000, 50);
    const clock = new ElapsedClock(sources, undefined);
    state.monotonic += 700;
    state.wall -= 900_000;
    expect(clock.now()).toEqual({ elapsed: 700, wall: 100_000 });
  });

  it.each([
    { pause: 60_000, goesOn: 60_000 },
    { pause: -60_000, goesOn: 0 },
  ])('over a restart $pause ms later by the wall clock goes on by $goesOn', ({ pause, goesOn }) => {
    const { sources } = clocks(1_000_000 + pause, 5);
    expect(new ElapsedClock(sources, { elapsed: 400, wall: 1_000_000 }).now().elapsed).toBe(400 + goesOn);
  });

  it('reports a step of more than five seconds once, and takes a slow drift over', () => {
    const { state, sources } = clocks(1_000_000, 0);
    const clock = new ElapsedClock(sources, undefined);
    const pass = (wall: number, monotonic: number) => {
      state.wall += wall;
      state.monotonic += monotonic;
      return clock.step();
    };
    expect(pass(1000, 1000)).toBeUndefined();
    expect(pass(5900, 1000)).toBeUndefined();
    expect(pass(5900, 1000)).toBeUndefined();
    expect(pass(7_201_000, 1000)).toEqual({ from: 1_013_800, to: 8_213_800 });
    expect(pass(1000, 1000)).toBeUndefined();
    expect(pass(-3_599_000, 1000)).toMatchObject({ to: 4_615_800 });
  });
});
