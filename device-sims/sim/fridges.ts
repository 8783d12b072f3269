/** The shop's fridges as they live: doors that shoppers open, defrosts by the clock, compressors that fail. */
import type { Agenda, Life } from './agenda.ts';
import { type ColdPlan, type ColdUnit, coldUnit } from './cold-unit.ts';
import type { Fact } from './ledger-records.ts';
import type { Streams } from './streams.ts';
import type { FridgePlan } from './world-file.ts';

export interface Fridges {
  readonly units: ReadonlyMap<string, Fridge>;
  /** It closes by itself. Nothing happens where there are no doors. */
  open(unit: string, who: number | undefined, seconds: number): void;
  /** From now on: controllers, defrosts and, so often on average, failures. */
  begin(failureDays: number | undefined): void;
  fail(unit: string, hours: number): void;
}

export interface Fridge {
  readonly plan: FridgePlan;
  readonly cold: ColdUnit;
  /** The warmest core of the excursion that goes on. */
  peak: number | undefined;
  /** Its air is above the limit. */
  isWarm: boolean;
}

const ROOM_CELSIUS = 21;
/** How often its controller looks. */
const CONTROL_MS = 10_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Of chilled and of frozen cabinets as shops have them; heat capacities: food about 3.5 kJ/(kg K), frozen 2. */
const KINDS = {
  chilled: {
    ...{ ua: 10, uaDoor: 60, cooling: 900, heater: 0, exchange: 50, airCapacity: 80_000, goods: 3_500 },
    ...{ defrostEveryH: 8, defrostMinutes: 20 },
  },
  frozen: {
    ...{ ua: 8, uaDoor: 40, cooling: 1_300, heater: 500, exchange: 40, airCapacity: 80_000, goods: 2_000 },
    ...{ defrostEveryH: 12, defrostMinutes: 15 },
  },
} as const;
/** W/K through the air curtain of a cabinet without doors. */
const CURTAIN_UA = 30;

export function coldPlanOf(plan: FridgePlan): ColdPlan {
  const { goods, defrostEveryH, defrostMinutes, ...kind } = KINDS[plan.is];
  const curtain = plan.doors === 'none' ? CURTAIN_UA : 0;
  return {
    ...kind,
    setpoint: plan.setpoint,
    room: ROOM_CELSIUS,
    ua: kind.ua + curtain,
    cooling: kind.cooling + curtain * (ROOM_CELSIUS - plan.setpoint),
    goodsCapacity: plan.load_kg * goods,
  };
}

export function openFridges(
  plans: readonly FridgePlan[],
  time: Agenda,
  of: Streams,
  tell: (fact: Fact) => void,
): Fridges {
  const rounded = (celsius: number): number => Math.round(celsius * 100) / 100;
  type Why = Extract<Fact, { kind: 'temperature' }>['why'];
  const sample = ({ plan: { unit }, cold }: Fridge, why: Why): void => {
    const [celsius, product_celsius] = [rounded(cold.celsius), rounded(cold.productCelsius)];
    tell({ kind: 'temperature', unit, why, celsius, product_celsius });
  };
  const fridges = plans.map((plan): Fridge => {
    const fridge: Fridge = {
      plan,
      peak: undefined,
      isWarm: false,
      cold: coldUnit(coldPlanOf(plan), time.now, (on) => sample(fridge, on ? 'compressor-on' : 'compressor-off')),
    };
    return fridge;
  });
  const units = new Map(fridges.map((fridge) => [fridge.plan.unit, fridge]));
  const named = (unit: string): Fridge => {
    const fridge = units.get(unit);
    if (!fridge) throw new Error(`this shop has no fridge ${unit}`);
    return fridge;
  };
  const judge = (fridge: Fridge): void => {
    const { plan, cold } = fridge;
    const isWarm = cold.celsius > plan.limit;
    if (isWarm !== fridge.isWarm) {
      fridge.isWarm = isWarm;
      tell({ kind: isWarm ? 'air-warmed' : 'air-cooled', unit: plan.unit });
    }
    const core = cold.productCelsius;
    if (core > plan.limit) {
      if (fridge.peak === undefined) tell({ kind: 'excursion-began', unit: plan.unit, limit: plan.limit });
      fridge.peak = Math.max(fridge.peak ?? core, core);
    } else if (fridge.peak !== undefined) {
      tell({ kind: 'excursion-ended', unit: plan.unit, peak: rounded(fridge.peak) });
      fridge.peak = undefined;
    }
  };
  const control = function* (): Life {
    for (;;) {
      for (const fridge of fridges) {
        fridge.cold.advance(time.now);
        judge(fridge);
      }
      yield CONTROL_MS;
    }
  };
  const defrosts = function* (fridge: Fridge, number: number): Life {
    const { defrostEveryH, defrostMinutes } = KINDS[fridge.plan.is];
    // One after the other, not all at once.
    yield ((number * 47) % (defrostEveryH * 60)) * 60_000;
    for (;;) {
      fridge.cold.advance(time.now);
      fridge.cold.defrost(true);
      sample(fridge, 'defrost-began');
      yield defrostMinutes * 60_000;
      fridge.cold.advance(time.now);
      fridge.cold.defrost(false);
      sample(fridge, 'defrost-ended');
      yield defrostEveryH * HOUR - defrostMinutes * 60_000;
    }
  };
  const failure = function* (fridge: Fridge, hours: number): Life {
    if (fridge.cold.failed) return;
    fridge.cold.advance(time.now);
    fridge.cold.fail(true);
    sample(fridge, 'failed');
    yield hours * HOUR;
    fridge.cold.advance(time.now);
    fridge.cold.fail(false);
    sample(fridge, 'repaired');
  };
  const failures = function* (fridge: Fridge, meanDays: number): Life {
    const random = of('failures', fridge.plan.unit);
    for (;;) {
      yield random.wait(meanDays * DAY);
      yield* failure(fridge, random.between(2, 8));
    }
  };
  const doorLife = function* (fridge: Fridge, who: number | undefined, seconds: number): Life {
    const { cold, plan } = fridge;
    cold.advance(time.now);
    cold.door(true);
    if (cold.openDoors === 1) tell({ kind: 'door-opened', unit: plan.unit, ...(who === undefined ? {} : { who }) });
    yield seconds * 1000;
    cold.advance(time.now);
    cold.door(false);
    if (cold.openDoors === 0) tell({ kind: 'door-closed', unit: plan.unit });
  };
  return {
    units,
    open(unit, who, seconds) {
      const fridge = named(unit);
      if (fridge.plan.doors !== 'none') time.live(doorLife(fridge, who, seconds));
    },
    begin(failureDays) {
      if (fridges.length > 0) time.live(control());
      for (const [number, fridge] of fridges.entries()) {
        time.live(defrosts(fridge, number));
        if (failureDays !== undefined) time.live(failures(fridge, failureDays));
      }
    },
    fail: (unit, hours) => time.live(failure(named(unit), hours)),
  };
}
