/**
 * What networked RFID readers report: Impinj's IoT device interface (an array of events; EPCs in base64url, RSSI in
 * hundredths of a dBm) and Zebra's IoT Connector (objects one behind the other without anything between; hex, whole dBm).
 */

export interface TagRead {
  /** Hex. */
  readonly epc: string;
  /** dBm. */
  readonly rssi: number;
  readonly antenna: number;
}

/** @param time epoch ms of the reader's clock */
export function impinjReport(reader: string, time: number, reads: readonly TagRead[]): string {
  return impinjEvents(
    reader,
    time,
    reads.map(({ epc, rssi, antenna }) => ({
      eventType: 'tagInventory',
      tagInventoryEvent: {
        epc: Buffer.from(epc, 'hex').toString('base64url'),
        ...{ antennaPort: antenna, peakRssiCdbm: Math.round(rssi * 100), frequency: 866_900, transmitPowerCdbm: 3000 },
      },
    })),
  );
}

/** Nothing was read, but it is at work. */
export function impinjRunning(reader: string, time: number): string {
  const event = { eventType: 'inventoryStatus', inventoryStatusEvent: { inventoryStatus: 'running' } };
  return impinjEvents(reader, time, [event]);
}

function impinjEvents(hostname: string, time: number, events: readonly object[]): string {
  const timestamp = `${new Date(time).toISOString().slice(0, -1)}000000Z`;
  return JSON.stringify(events.map((event) => ({ timestamp, hostname, ...event })));
}

/** @param first number of the first event */
export function zebraReport(time: number, first: number, reads: readonly TagRead[]): string {
  return zebraObjects(
    time,
    reads.map(({ epc, rssi, antenna }, index) => {
      const tag = { format: 'epc', idHex: epc.toLowerCase(), antenna, peakRssi: Math.round(rssi), reads: 1 };
      return { type: 'SIMPLE', data: { MAC: 'C4:7D:CC:00:00:01', eventNum: first + index, ...tag } };
    }),
  );
}

/** Nothing was read, but it is at work. */
export function zebraHeartbeat(time: number, eventNum: number): string {
  const data = { radio_control: { cpu: 3, ram: 31, radioActivity: 'active', status: 'running' } };
  return zebraObjects(time, [{ component: 'RC', eventNum, eventType: 'heartbeat', data }]);
}

function zebraObjects(time: number, objects: readonly object[]): string {
  const timestamp = new Date(time).toISOString().replace('Z', '+0000');
  return objects.map((object) => JSON.stringify({ timestamp, ...object })).join('');
}
