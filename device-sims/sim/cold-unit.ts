/**
 * A fridge or freezer by its heat: air and goods are two bodies with a heat capacity each; the walls and open doors let
 * heat in, the air passes it on to the goods, the compressor takes it out, a defrost keeps the compressor off and may
 * add a heater. Joules are accounted for, so what comes in minus what is taken out is what is stored.
 *
 *   C_air   dT_air/dt   = ua (T_room - T_air) + doors ua_door (T_room - T_air) + heater - cooling - k (T_air - T_goods)
 *   C_goods dT_goods/dt = k (T_air - T_goods)
 */

export interface ColdPlan {
  readonly setpoint: number;
  readonly room: number;
  /** W/K through walls and, where there are no doors, the air curtain. */
  readonly ua: number;
  /** W/K more for each open door. */
  readonly uaDoor: number;
  /** W taken out while the compressor runs. */
  readonly cooling: number;
  /** W while it defrosts; 0: it only pauses. */
  readonly heater: number;
  /** J/K of air, shelves and inner walls. */
  readonly airCapacity: number;
  /** J/K of the goods. */
  readonly goodsCapacity: number;
  /** W/K between air and goods. */
  readonly exchange: number;
}

export interface ColdUnit {
  /** Of the air. */
  readonly celsius: number;
  /** At the core of the goods. */
  readonly productCelsius: number;
  readonly compressor: boolean;
  readonly defrosting: boolean;
  readonly failed: boolean;
  readonly openDoors: number;
  /** Joules since the beginning: let in, taken out, and stored more than at the beginning. */
  readonly energy: { readonly in: number; readonly out: number; readonly stored: number };
  /** Lets time pass. */
  advance(to: number): void;
  door(open: boolean): void;
  defrost(on: boolean): void;
  fail(failed: boolean): void;
}

/** The compressor starts so much above the set point and stops so much below. */
const HYSTERESIS = 1;
/** Far below the shortest time constant (air: tens of minutes). */
const STEP_S = 10;

/** @param onCompressor called at the simulated millisecond at which it starts or stops */
export function coldUnit(plan: ColdPlan, begin: number, onCompressor: (on: boolean) => void): ColdUnit {
  const { airCapacity, goodsCapacity } = plan;
  let now = begin;
  let [air, goods] = [plan.setpoint, plan.setpoint];
  const state = { compressor: false, defrosting: false, failed: false, openDoors: 0 };
  const energy = { in: 0, out: 0 };

  const switchTo = (on: boolean): void => {
    if (state.compressor === on) return;
    state.compressor = on;
    onCompressor(on);
  };
  const regulate = (): void => {
    if (state.failed || state.defrosting) switchTo(false);
    else if (air > plan.setpoint + HYSTERESIS) switchTo(true);
    else if (air < plan.setpoint - HYSTERESIS) switchTo(false);
  };
  const pass = (seconds: number): void => {
    const leak = (plan.ua + state.openDoors * plan.uaDoor) * (plan.room - air);
    const heat = leak + (state.defrosting ? plan.heater : 0);
    const cold = state.compressor ? plan.cooling : 0;
    const flow = plan.exchange * (air - goods);
    air += ((heat - cold - flow) * seconds) / airCapacity;
    goods += (flow * seconds) / goodsCapacity;
    energy.in += heat * seconds;
    energy.out += cold * seconds;
  };
  const advance = (to: number): void => {
    while (now < to) {
      const ms = Math.min(to - now, STEP_S * 1000);
      pass(ms / 1000);
      now += ms;
    }
    regulate();
  };
  return {
    get celsius() {
      return air;
    },
    get productCelsius() {
      return goods;
    },
    get compressor() {
      return state.compressor;
    },
    get defrosting() {
      return state.defrosting;
    },
    get failed() {
      return state.failed;
    },
    get openDoors() {
      return state.openDoors;
    },
    get energy() {
      return {
        ...energy,
        stored: airCapacity * (air - plan.setpoint) + goodsCapacity * (goods - plan.setpoint),
      };
    },
    advance,
    door(open) {
      state.openDoors += open ? 1 : -1;
    },
    defrost(on) {
      state.defrosting = on;
      regulate();
    },
    fail(failed) {
      state.failed = failed;
      regulate();
    },
  };
}
