/**
 * Frigate with two cameras: one over the tills counts persons and sees queues, one over an aisle sees empty shelves. They
 * look every few seconds and are no perfect observers: a person behind another is missed, and what is empty is noticed at
 * one look and not at another.
 */
import type { Shelf } from '../sim/floor.ts';
import { frigateEvent } from '../vendors/frigate.ts';
import { Said } from './said.ts';
import type { DeviceParts, SimDevice } from './sim-device.ts';

export interface CamerasPlan {
  readonly name: string;
  /** Where the tills are. */
  readonly zone: string;
  /** Those that the second camera looks at. */
  readonly shelves: readonly Shelf[];
  readonly everyMs: number;
}

/** A person in sight is not told from the one before, 0..1. */
const OVERLOOKED = 0.05;
/** What is there is noticed at one look, 0..1. */
const NOTICED = 0.7;
/** So many who wait, beside those who are served, look like a queue. */
const QUEUE = 2;
const TILLS_CAMERA = 'tills';
const AISLE_CAMERA = 'aisle';

/** Something that is followed from when it is first seen until it is gone. */
interface Followed {
  readonly id: string;
  readonly since: number;
  readonly score: number;
}

export function openCameras(plan: CamerasPlan, { world, links, random, clock }: DeviceParts): SimDevice {
  const { name, zone, shelves, everyMs } = plan;
  const said = new Said();
  /** Zones of the pictures, as they were drawn there. */
  const tills = zone.replaceAll('-', '_');
  const places = new Map(shelves.map((shelf) => [shelf.shelf.toLowerCase().replaceAll('-', '_'), shelf]));
  const queues = new Set(world.floor.file.tills.map(({ till, queue }) => queue ?? till));
  const waiting = new Set<number>();
  const followed = new Map<string, Followed>();
  let persons: number | undefined;
  let looked = Number.NEGATIVE_INFINITY;
  const publish = (topic: string, payload: string): void => said.add(links.publish(name, `${name}/${topic}`, payload));
  const look = (now: number, camera: string, place: string, label: string, isThere: boolean): void => {
    const known = followed.get(place);
    const time = clock(now);
    if (isThere === (known !== undefined) || (isThere && !random.chance(NOTICED))) return;
    const score = Math.round(random.between(0.55, 0.97) * 100) / 100;
    const suffix = random
      .whole(0, 36 ** 6 - 1)
      .toString(36)
      .padStart(6, '0');
    const object = known ?? { id: `${(time / 1000).toFixed(6)}-${suffix}`, since: time, score };
    if (known === undefined) followed.set(place, object);
    else followed.delete(place);
    const event = { ...object, camera, label, time, zones: [place] };
    publish('events', frigateEvent(known === undefined ? 'new' : 'end', event));
  };
  const lookAround = (now: number): void => {
    looked = now;
    let seen = 0;
    for (let person = world.personsIn(zone); person > 0; person -= 1) if (!random.chance(OVERLOOKED)) seen += 1;
    if (seen !== persons) publish(`${tills}/person`, String(seen));
    persons = seen;
    look(now, TILLS_CAMERA, tills, 'queue', waiting.size >= QUEUE);
    for (const [place, { shelf }] of places) look(now, AISLE_CAMERA, place, 'shelf_empty', world.countOn(shelf) === 0);
  };
  return {
    name,
    entry: {
      ...{ name, codec: 'frigate', mqtt: { topic: `${name}/#` } },
      places: Object.fromEntries([[tills, zone], ...[...places].map(([place, { shelf }]) => [place, shelf])]),
    },
    async start() {
      publish('available', 'online');
      world.watch((record) => {
        if (record.kind === 'queued' && queues.has(record.queue)) waiting.add(record.who);
        else if (record.kind === 'served' || record.kind === 'left') waiting.delete(record.who);
      });
    },
    reboot() {
      followed.clear();
      persons = undefined;
      publish('available', 'online');
    },
    look(now) {
      if (now - looked >= everyMs) lookAround(now);
    },
    settled: () => said.settled(),
    async stop() {
      lookAround(world.now);
      await said.settled();
    },
  };
}
