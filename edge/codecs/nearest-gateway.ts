/**
 * Several gateways hear the same beacon: it is in the zone of the one that hears it best. Another zone takes it over
 * when it hears it clearly better, or when the first has not heard it for a while.
 */

/** What a wall or a body between makes is not a way walked, dB. */
const CLEARLY_BETTER_DB = 6;
const UNHEARD_MS = 15_000;
const MOST_BEACONS = 4096;

interface Heard {
  readonly zone: string;
  /** dBm, the newer half counting as much as all before it. */
  readonly rssi: number;
  readonly at: number;
}

export class NearestGateway {
  /** What was heard longest ago is first. */
  readonly #heard = new Map<string, Heard>();

  /** Whether this sighting is of the zone where the beacon is. `rssi`: undefined where the gateway does not tell. */
  takes(beacon: string, zone: string, rssi: number | undefined, received: number): boolean {
    const last = this.#heard.get(beacon);
    // A clock that was set back must not keep anybody where they were.
    const isOld = last === undefined || received - last.at > UNHEARD_MS || received < last.at;
    if (!isOld && last.zone !== zone && rssi !== undefined && rssi < last.rssi + CLEARLY_BETTER_DB) return false;
    const now = rssi ?? Number.NEGATIVE_INFINITY;
    const smooth = !isOld && last.zone === zone && Number.isFinite(last.rssi) ? (last.rssi + now) / 2 : now;
    this.#heard.delete(beacon);
    this.#heard.set(beacon, { zone, rssi: smooth, at: received });
    const [oldest] = this.#heard.keys();
    if (this.#heard.size > MOST_BEACONS && oldest !== undefined) this.#heard.delete(oldest);
    return true;
  }
}
