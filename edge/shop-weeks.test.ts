/** Liveness over weeks of a shop's own rhythm: nobody is called in vain, and who is gone is noticed in time. */
import { describe, expect, it } from 'vitest';
import { DAY, HOUR, live, MINUTE, PHARMACY, type ShopDevice, SUPERMARKET, type Weeks } from './shop-weeks.fixture.ts';

const silences = (devices: readonly ShopDevice[], weeks: Weeks): string[] =>
  live(devices, weeks).told.flatMap(({ at, news }) => {
    const clock = `day ${Math.floor(at / DAY)} ${((at % DAY) / HOUR).toFixed(1)} h`;
    return news.is === 'silent' ? `${clock}: ${news.device} after ${Math.round(news.expectedMs / MINUTE)} min` : [];
  });

describe.each([
  ['supermarket', SUPERMARKET],
  ['pharmacy', PHARMACY],
] as const)('a %s of which nobody gave the opening hours', (_, devices) => {
  it('has no false alert in four weeks: not on the first day, at closing time, on Sundays and holidays', () => {
    for (const seed of [1, 2]) expect(silences(devices, { days: 28, seed, holidays: [10, 18, 19] })).toEqual([]);
  });

  it('has none when the hub starts anew each night', () => {
    expect(silences(devices, { days: 15, seed: 3, restart: 3 * HOUR })).toEqual([]);
  });

  it('notices who is gone, by its own measure, and remembers little', () => {
    const dead = (name: string, at: number): number => {
      const { told, memory } = live(devices, { days: Math.ceil(at / DAY) + 1, seed: 4, dead: [name, at] });
      for (const known of memory.values()) expect(JSON.stringify(known).length).toBeLessThan(100);
      const news = told.filter((one) => one.news.is === 'silent');
      expect(news.map((one) => one.news.device)).toEqual([name]);
      return (news[0]?.at ?? 0) - at;
    };
    const monday = 10 * DAY;
    expect(dead('thermometer-0', monday + 23 * HOUR)).toBeLessThan(110 * MINUTE);
    expect(dead('counter-0', monday + 10 * HOUR)).toBeLessThan(2 * HOUR);
    expect(dead('till-0', monday + 10 * HOUR)).toBeLessThan(5 * HOUR);
    // At night nobody waits for it: it is noticed when the shop has been at work for as long.
    const night = dead('till-0', monday + 23 * HOUR);
    expect(night).toBeGreaterThan(9 * HOUR);
    expect(night).toBeLessThan(14 * HOUR);
  });

  it('tells of its LoRaWAN gateway once, and soon, whether the shop is open or not', () => {
    const monday = 10 * DAY;
    for (const hour of [10, 23]) {
      const from = monday + hour * HOUR;
      const away = ['lorawan/chirpstack', from, from + 8 * HOUR] as const;
      const { told } = live(devices, { days: 12, seed: 5, away });
      const at = (is: string): string[] => told.filter(({ news }) => news.is === is).map(({ news }) => news.device);
      const folded = at('folded');
      expect(at('silent').filter((name) => !folded.includes(name))).toEqual(['lorawan/chirpstack']);
      const [first] = told;
      expect((first?.at ?? 0) - from).toBeLessThan(75 * MINUTE);
    }
  });
});

it('with opening hours even a shop with one till knows its holidays, and notices the till', () => {
  const devices = PHARMACY.filter(({ name }) => name === 'till-0');
  const open = (wall: number): boolean => {
    const [day, time] = [Math.floor(wall / DAY), wall % DAY];
    return day % 7 !== 2 && day !== 10 && time >= 8 * HOUR && time < 20 * HOUR;
  };
  expect(silences(devices, { days: 28, seed: 6, holidays: [10], open })).toEqual([]);
  const at = 17 * DAY + 10 * HOUR;
  const { told } = live(devices, { days: 21, seed: 6, holidays: [10], open, dead: ['till-0', at] });
  expect((told.find(({ news }) => news.is === 'silent')?.at ?? 0) - at).toBeLessThan(4 * HOUR);
});
