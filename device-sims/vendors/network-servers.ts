/** What LoRaWAN network servers make of an uplink: ChirpStack v4 and The Things Stack v3, their JSON by MQTT. */

export interface Uplink {
  /** 16 hex digits. */
  readonly eui: string;
  /** As the network calls it. */
  readonly device: string;
  /** Its maker's name for the model, such as `EM300-TH`. */
  readonly profile: string;
  /** Of the session, told apart from every other: when it joined. */
  readonly session: number;
  /** Of the frame, within the session. */
  readonly count: number;
  /** When the network heard it, epoch ms. */
  readonly time: number;
  readonly payload: Buffer;
}

const APPLICATION = '2f0c';
const PORT = 85;

export function chirpstackTopic(eui: string): string {
  return `application/${APPLICATION}/device/${eui}/event/up`;
}

export function chirpstackUp({ eui, device, profile, session, count, time, payload }: Uplink): string {
  return JSON.stringify({
    deduplicationId: `${eui}-${session}-${count}`,
    time: new Date(time).toISOString(),
    deviceInfo: { applicationId: APPLICATION, devEui: eui, deviceName: device, deviceProfileName: profile, tags: {} },
    ...{ devAddr: '00bd182c', adr: true, dr: 5, fCnt: count, fPort: PORT, confirmed: false },
    data: payload.toString('base64'),
    rxInfo: [{ gatewayId: '0016c001f153a14c', rssi: -57, snr: 10 }],
  });
}

export function thingsStackTopic(device: string): string {
  return `v3/shop@ttn/devices/${device}/up`;
}

/** What is zero, false or empty is left out, as its JSON does: the first frame of a session has no count. */
export function thingsStackUp({ eui, device, session, count, time, payload }: Uplink): string {
  const received_at = new Date(time).toISOString();
  return JSON.stringify({
    end_device_ids: { device_id: device, application_ids: { application_id: 'shop' }, dev_eui: eui },
    correlation_ids: [`as:up:${eui}:${session}:${count}`],
    received_at,
    uplink_message: {
      ...{ session_key_id: `${eui}-${session}`, f_port: PORT },
      ...(count !== 0 && { f_cnt: count }),
      ...(payload.length > 0 && { frm_payload: payload.toString('base64') }),
      rx_metadata: [{ gateway_ids: { gateway_id: 'shop-gateway' }, rssi: -61 }],
      received_at,
    },
  });
}
