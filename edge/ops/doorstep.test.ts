import { beforeEach, describe, expect, it } from 'vitest';
import { Doorstep, type Guest } from './doorstep.ts';

let closed: string[];
let doorstep: Doorstep;

const enter = (name: string, address: string): Guest | undefined =>
  doorstep.enter(address, () => void closed.push(name));

beforeEach(() => {
  closed = [];
  doorstep = new Doorstep({ connections: 4, perAddress: 2 });
});

describe('a doorstep', () => {
  it("lets the oldest silent one of an address give way to its next, and nobody else's", () => {
    enter('other', '10.0.0.9');
    enter('a', '10.0.0.1');
    enter('b', '10.0.0.1');
    expect(enter('c', '::ffff:10.0.0.1')).toBeDefined();
    expect(closed).toEqual(['a']);
    expect(doorstep.guests).toBe(3);
  });

  it('turns the new one away when everybody of its address has spoken', () => {
    enter('a', '10.0.0.1')?.spoke();
    enter('b', '10.0.0.1')?.spoke();
    expect(enter('c', '10.0.0.1')).toBeUndefined();
    expect(enter('d', '10.0.0.2')).toBeDefined();
    expect([closed, doorstep.refused, doorstep.replaced]).toEqual([[], 1, 0]);
  });

  it('lets the oldest silent one of all give way when the house is full', () => {
    enter('a', '10.0.0.1')?.spoke();
    enter('b', '10.0.0.1');
    enter('c', '10.0.0.2');
    enter('d', '10.0.0.2');
    expect(enter('e', '10.0.0.3')).toBeDefined();
    expect(closed).toEqual(['b']);
    expect(doorstep.guests).toBe(4);
  });

  it('counts who fell silent again as the newest silent one', () => {
    const a = enter('a', '10.0.0.1');
    a?.spoke();
    enter('b', '10.0.0.1');
    a?.fellSilent();
    enter('c', '10.0.0.1');
    enter('d', '10.0.0.1');
    expect(closed).toEqual(['b', 'a']);
  });

  it('has room again for each that left, once', () => {
    const guests = ['a', 'b'].map((name) => enter(name, '10.0.0.1'));
    for (const guest of guests) guest?.spoke();
    guests[0]?.left();
    guests[0]?.left();
    guests[0]?.spoke();
    expect(doorstep.guests).toBe(1);
    enter('c', '10.0.0.1')?.spoke();
    expect(enter('d', '10.0.0.1')).toBeUndefined();
    for (const guest of guests) guest?.left();
    expect(enter('e', '10.0.0.1')).toBeDefined();
  });
});
