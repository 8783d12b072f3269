/** What Zigbee2MQTT publishes of a door contact: its whole state as flat JSON, with each change. */

export interface ContactState {
  /** Closed. */
  readonly contact: boolean;
  /** Epoch ms. */
  readonly time: number;
  readonly linkquality: number;
}

export function contactState({ contact, time, linkquality }: ContactState): string {
  return JSON.stringify({
    ...{ battery: 97, contact, device_temperature: 21, last_seen: new Date(time).toISOString() },
    ...{ linkquality, power_outage_count: 3, voltage: 2985 },
  });
}
