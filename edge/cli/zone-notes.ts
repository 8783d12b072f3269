/** Names of zones that are likely slips of the hand: one campaign or device alone has it, and another is nearly the same. */
import { nearest } from '../../config/faults.ts';
import type { StoreConfig } from '../../config/schema.ts';

/** Two letters that changed places are two edits. */
const MOST_EDITS = 2;
/** Numbers and letters that stand alone tell zones apart: aisle-9 is no slip for aisle-10, nor hall-a for hall-b. */
const ORDINAL = /\d+|(?<!\p{L})\p{L}(?!\p{L})/gu;

export interface ZoneNote {
  readonly path: (string | number)[];
  readonly message: string;
}

/** No fault: a zone needs no shelves. Of two names that each stand once the later is told, a new device last of all. */
export function zoneNotes(config: StoreConfig): ZoneNote[] {
  const { campaigns, devices, planogram } = config;
  const owners = [
    ...campaigns.map(({ zone }, index) => new Map([[zone, ['campaigns', index, 'zone']]])),
    ...devices.map((device, index) => zonesOf(device, index)),
  ];
  const timesNamed = new Map<string, number>();
  for (const zone of owners.flatMap((owner) => [...owner.keys()]))
    timesNamed.set(zone, (timesNamed.get(zone) ?? 0) + 1);
  const named = [...timesNamed].flatMap(([zone, times]) => (times > 1 ? [zone] : []));
  const known = new Set([...planogram.map(({ zone }) => zone), ...named]);
  const notes: ZoneNote[] = [];
  for (const owner of owners) {
    for (const [zone, path] of owner) {
      const near = known.has(zone) ? undefined : slipFor(zone, [...known]);
      if (near !== undefined)
        notes.push({ path, message: `zone ${zone} is named nowhere else; did you mean ${near}?` });
    }
    for (const zone of owner.keys()) known.add(zone);
  }
  return notes;
}

/** Zone -> where the device first names it. */
function zonesOf(
  { zone, antennas = {} }: StoreConfig['devices'][number],
  index: number,
): Map<string, ZoneNote['path']> {
  const zones = new Map<string, ZoneNote['path']>();
  if (zone !== undefined) zones.set(zone, ['devices', index, 'zone']);
  for (const [antenna, its] of Object.entries(antennas))
    if (!zones.has(its)) zones.set(its, ['devices', index, 'antennas', antenna]);
  return zones;
}

function slipFor(zone: string, known: readonly string[]): string | undefined {
  const bare = (name: string) => name.replace(ORDINAL, '');
  const others = known.filter((name) => bare(name) !== bare(zone));
  return nearest(zone, others, MOST_EDITS);
}
