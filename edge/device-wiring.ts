/** The desk for devices as the doors see it: which topics and paths are whose, and where strangers are noted. */
import type { DeviceConfig } from './contracts/devices.ts';
import { type DeviceDesk, mapsConsent } from './device-desk.ts';
import type { DeviceRegister } from './device-register.ts';
import type { FramedDevice, FramesIn } from './devices/frames-in.ts';
import { TopicMap } from './devices/topic-map.ts';

export function framesIn(
  devices: readonly DeviceConfig[],
  desk: DeviceDesk,
  register: Pick<DeviceRegister, 'strangers'>,
): FramesIn {
  const topics = new TopicMap<FramedDevice>();
  const pushed = new Map<string, FramedDevice>();
  for (const config of devices) {
    const { name: device, mqtt } = config;
    const framed: FramedDevice = { device, kind: mapsConsent(config) ? 'consent' : 'frame' };
    if (config.push) pushed.set(device, framed);
    if (mqtt !== undefined && mqtt.broker === undefined) topics.add(mqtt.topic, framed);
  }
  return {
    framed: (topic) => topics.find(topic),
    pushed: (name) => pushed.get(name),
    take: (device, frame, done, position, handshake) => desk.take(device, frame, done, position, handshake),
    hasRoom: (device, again) => desk.hasRoom(device, again),
    stranger: (topic, client, bytes, now) => register.strangers.came(topic, client, bytes, now),
  };
}
