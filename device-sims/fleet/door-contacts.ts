/** Zigbee contacts at the doors of fridges, behind Zigbee2MQTT: each opening and each closing, at once. */
import { contactState } from '../vendors/zigbee2mqtt.ts';
import { Said } from './said.ts';
import type { DeviceParts, SimDevice } from './sim-device.ts';

export function openDoorContact(name: string, unit: string, { world, links, clock, random }: DeviceParts): SimDevice {
  const said = new Said();
  const topic = `zigbee2mqtt/${name}`;
  const say = (contact: boolean, ms: number): void => {
    const state = contactState({ contact, time: clock(ms), linkquality: random.whole(90, 180) });
    said.add(links.publish('zigbee2mqtt', topic, state));
  };
  return {
    name,
    entry: { name, codec: 'zigbee2mqtt', mqtt: { topic: `${topic}/#` }, unit },
    async start() {
      said.add(links.publish('zigbee2mqtt', `${topic}/availability`, JSON.stringify({ state: 'online' })));
      world.watch((record) => {
        if (record.kind !== 'door-opened' && record.kind !== 'door-closed') return;
        if (record.unit === unit) say(record.kind === 'door-closed', record.ms);
      });
    },
    look: () => undefined,
    settled: () => said.settled(),
    stop: () => said.settled(),
  };
}
