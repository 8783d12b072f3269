/**
 * Thermometers that speak no vendor's format the hub knows, and are read by an installer's expressions: a small sensor
 * with Wi-Fi that sends flat JSON, and a controller that sends metrics in the manner of Sparkplug B.
 */
import { flatState, sparkplugData } from '../vendors/plain-sensors.ts';
import { Said } from './said.ts';
import type { DeviceParts, SimDevice } from './sim-device.ts';

export interface PlainThermometerPlan {
  readonly name: string;
  readonly unit: string;
  readonly everyMs: number;
}

export function openWifiThermometer(plan: PlainThermometerPlan, parts: DeviceParts): SimDevice {
  const { world, random, clock } = parts;
  const { name, unit } = plan;
  return thermometer(plan, parts, {
    topic: `sensors/${name}/state`,
    mapping: {
      climate: '{ "unit": device.unit, "celsius": payload.temp / 10, "humidity": payload.hum, "time": payload.ts }',
      status: '{ "online": true, "battery_percent": payload.batt }',
    },
    state(now) {
      const celsius = world.celsius(unit) + random.noise(0.1);
      return flatState({ celsius, humidity: 48 + random.whole(0, 6), battery: 74, time: clock(now) });
    },
  });
}

export function openPlc(plan: PlainThermometerPlan, parts: DeviceParts): SimDevice {
  const { world, random, clock } = parts;
  const { name, unit } = plan;
  let seq = 0;
  return thermometer(plan, parts, {
    topic: `spBv1.0/shop/DDATA/plc/${name}`,
    mapping: {
      climate:
        'payload.{ "unit": $$.device.unit, "celsius": metrics[name = "Temperature"].value,' +
        ' "defrost": metrics[name = "Defrost"].value, "time": timestamp }',
    },
    state(now) {
      const celsius = Math.round((world.celsius(unit) + random.noise(0.02)) * 100) / 100;
      const { defrosting, compressor } = world.unit(unit).cold;
      seq += 1;
      return sparkplugData(seq - 1, clock(now), [
        { name: 'Temperature', alias: 1, value: celsius },
        { name: 'Compressor', alias: 2, value: compressor },
        { name: 'Defrost', alias: 3, value: defrosting },
      ]);
    },
  });
}

interface Voice {
  readonly topic: string;
  readonly mapping: Readonly<Record<string, string>>;
  state(now: number): string;
}

function thermometer(
  { name, unit, everyMs }: PlainThermometerPlan,
  { world, links }: DeviceParts,
  { topic, mapping, state }: Voice,
): SimDevice {
  const said = new Said();
  let sent = Number.NEGATIVE_INFINITY;
  const send = (now: number): void => {
    sent = now;
    said.add(links.publish(name, topic, state(now)));
  };
  return {
    name,
    entry: { name, codec: 'mapping', mqtt: { topic }, unit, mapping },
    start: async () => undefined,
    look(now) {
      if (now - sent >= everyMs) send(now);
    },
    settled: () => said.settled(),
    async stop() {
      send(world.now);
      await said.settled();
    },
  };
}
