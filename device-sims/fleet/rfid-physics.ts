/**
 * What makes RFID hard, as a model that is simple enough to be read:
 *
 * - A reader has two antennas under the ceiling, one over each half of its zone (a small module has one). A tag is where its shelf is, at a height
 *   of its own; what is carried or lies about is somewhere in its zone. The nearer antenna sees it; half of the tags are
 *   seen by the other one, too, which looks aside for that, and is 10 dB weaker.
 * - Path loss by distance, log-distance with exponent 2.2, and shadowing that changes from look to look.
 * - Each tag hangs in its own way: a loss by its orientation, by metal and other goods, drawn anew when it was moved.
 * - Bodies: the more people in the zone, the more often one stands between, and takes 8 dB.
 * - Walls are thin: they take 12 dB, and the beam looks elsewhere most of the time. What is near the wall is read through
 *   it: these are the stray reads.
 * - Whether a read succeeds falls off around the reader's sensitivity: half at -72 dBm, nearly all 6 dB above it.
 */

import type { Random } from '../sim/random.ts';
import type { World } from '../sim/world.ts';
import type { ZonePlan } from '../sim/world-file.ts';

interface Spot {
  readonly x: number;
  readonly y: number;
  /** Metres, as the zones' areas. */
  readonly z: number;
}

const SENSITIVITY_DBM = -72;
const AT_ONE_METRE_DBM = -38;
const EXPONENT = 2.2;
const SHADOWING_DB = 2;
const HANGS_DB = 5;
const SEEN_BY_BOTH = 0.5;
const ASIDE_DB = 10;
const WALL_DB = 12;
const BODY_DB = 8;
/** People in a zone of whom one stands between at every second look. */
const CROWD = 10;
const CEILING_M = 2.8;
const NEAREST_M = 0.5;
/** A stray is seldom: the reader's beam looks elsewhere. */
const STRAY_CHANCE = 0.08;

/** How a tag hangs at one place, towards one reader. */
export interface Hanging {
  /** The shelf, or the zone where it is on none. */
  readonly place: string;
  readonly isBehindWall: boolean;
  /** dB of the way to each antenna, and of how it hangs, without what changes. Absent: out of its sight. */
  readonly losses: ReadonlyMap<number, number>;
}

export class RadioField {
  readonly #zone: ZonePlan;
  readonly #antennas: readonly (readonly [number: number, spot: Spot])[];
  readonly #world: World;
  readonly #random: Random;

  /** @param zone the reader's; @param antennas their numbers */
  constructor(zone: ZonePlan, antennas: readonly number[], world: World, random: Random) {
    this.#zone = zone;
    this.#antennas = antennas.map((number, index) => [number, spotOver(zone, (index + 0.5) / antennas.length)]);
    this.#world = world;
    this.#random = random;
  }

  /**
   * @param zone where the tag is
   * @param before as it hung when it was looked at last: the same, where it was not moved
   */
  hanging(epc: string, zone: ZonePlan, before: Hanging | undefined): Hanging {
    const random = this.#random;
    const shelf = this.#world.shelfOf(epc);
    const place = shelf?.shelf ?? zone.zone;
    if (before?.place === place) return before;
    const [left, front, width, depth] = zone.area;
    const spot: Spot = {
      x: shelf?.x ?? left + width * random.next(),
      y: shelf?.y ?? front + depth * random.next(),
      z: random.between(0.2, 1.9),
    };
    const isBehindWall = zone !== this.#zone;
    const loss = Math.abs(random.noise(HANGS_DB)) + (isBehindWall ? WALL_DB : 0);
    const ways = this.#antennas.map(([number, antenna]) => [number, loss + wayLoss(spot, antenna)] as const);
    const [near, far] = ways.sort(([, one], [, other]) => one - other);
    const losses = new Map(near === undefined ? [] : [near]);
    if (far !== undefined && random.chance(SEEN_BY_BOTH)) losses.set(far[0], far[1] + ASIDE_DB);
    return { place, isBehindWall, losses };
  }

  /** The answer of a tag in this round, by the antenna that sees it best of those that see; none: it is not read. */
  answer(
    { losses, isBehindWall }: Hanging,
    blind: ReadonlySet<number>,
  ): { readonly rssi: number; readonly antenna: number } | undefined {
    const random = this.#random;
    if (isBehindWall && !random.chance(STRAY_CHANCE)) return undefined;
    const [antenna, loss] = [...losses].find(([one]) => !blind.has(one)) ?? [];
    if (antenna === undefined || loss === undefined) return undefined;
    const persons = this.#world.personsIn(this.#zone.zone);
    const body = random.chance(persons / (persons + CROWD)) ? BODY_DB : 0;
    const rssi = AT_ONE_METRE_DBM - loss - body + random.noise(SHADOWING_DB);
    return random.chance(1 / (1 + Math.exp(-(rssi - SENSITIVITY_DBM) / 2))) ? { rssi, antenna } : undefined;
  }
}

/** Under the ceiling, so far along the longer side, 0 to 1. */
function spotOver({ area: [left, front, width, depth] }: ZonePlan, along: number): Spot {
  const isWide = width > depth;
  return { x: left + width * (isWide ? along : 0.5), y: front + depth * (isWide ? 0.5 : along), z: CEILING_M };
}

function wayLoss(from: Spot, to: Spot): number {
  const metres = Math.hypot(from.x - to.x, from.y - to.y, from.z - to.z);
  return 10 * EXPONENT * Math.log10(Math.max(NEAREST_M, metres));
}

/** Of those who answer, as many as a round has time for, whoever comes first. */
export function inTime<T>(answers: T[], most: number, random: Random): readonly T[] {
  for (let at = 0; at < most && at < answers.length - 1; at += 1) {
    const other = random.whole(at, answers.length - 1);
    const [one, another] = [answers[at], answers[other]];
    if (one === undefined || another === undefined) break;
    answers[at] = another;
    answers[other] = one;
  }
  return answers.slice(0, most);
}
