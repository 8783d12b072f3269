/**
 * Shelves that run low. A few are told from the shopper who takes too much to the shelf that is full again; of the others
 * the score speaks. A shelf without a sensor is told once, too: nobody learns of it.
 */
import type { LedgerRecord } from '../sim/ledger-records.ts';
import type { World } from '../sim/world.ts';
import type { AlertNews } from './alert-watch.ts';
import type { Narrator } from './narrator.ts';
import { spanText, staffName } from './words.ts';

const MOST = 3;
const MINUTE = 60_000;
const PAUSE_MS = 30 * MINUTE;
/** Then what was low from the start is no news. */
const FIRST_MS = 15 * MINUTE;
/** Names in one line. */
const NAMED = 3;

export interface GapStory {
  fact(record: LedgerRecord): void;
  alert(news: AlertNews): void;
  /** Somebody was sent to this shelf. */
  took(shelf: string): void;
}

export interface GapStoryOptions {
  readonly world: World;
  readonly narrator: Narrator;
  /** Simulated ms. */
  readonly begins: number;
  /** Who has the phone. */
  readonly lead: string;
  /** Shelves that were low when the hub came, and have a sensor. */
  readonly lowAtFirst: ReadonlySet<string>;
}

type Began = Extract<LedgerRecord, { kind: 'gap-began' }>;

export function gapStory({ world, narrator, begins, lead, lowAtFirst }: GapStoryOptions): GapStory {
  const { shelvesBy } = world.floor;
  const nameOf = (shelf: string): string => shelvesBy.get(shelf)?.product.name ?? shelf;
  const state = { told: 0, last: Number.NEGATIVE_INFINITY, unseen: false };
  const first: string[] = [];
  const isFirst = (): boolean => world.now - begins < FIRST_MS;
  /** The shelf that is told of now. */
  let current: Began | undefined;
  let isFilled = false;

  const gap = (record: Began): void => {
    const { shelf, count, minimum, in_back_room, ms } = record;
    const place = shelvesBy.get(shelf);
    if (place === undefined || state.told === MOST || ms - state.last < PAUSE_MS) return;
    const taken = count === 0 ? 'the last' : 'one';
    const what = `a shopper takes ${taken} ${nameOf(shelf)}${count === 0 ? '' : `: ${count} left`}`;
    if (place.sensor === 'none') {
      if (state.unseen || state.told === 0 || count > 0) return;
      state.unseen = true;
      narrator.say('shop', `${what}. No sensor looks at this shelf, so the hub cannot know`);
      return;
    }
    // A shelf that the back room cannot fill has no end to tell.
    if (count + in_back_room < place.refill) return;
    state.told += 1;
    state.last = ms;
    current = record;
    isFilled = false;
    narrator.say('shop', `${what} (minimum ${minimum})`);
  };
  /** What was low from the start is told in one line. */
  const tellFirst = (): void => {
    if (first.length === 0) return;
    const names = first.slice(0, NAMED).map(nameOf).join(', ');
    const more = first.length > NAMED ? ` and ${first.length - NAMED} more` : '';
    narrator.say('hub', `alerts on the phone of the staff: ${names}${more}`);
    first.splice(0);
  };
  return {
    fact(record) {
      if (!isFirst()) tellFirst();
      if (record.kind === 'gap-began') gap(record);
      if (record.kind !== 'restocked' || record.shelf !== current?.shelf || isFilled) return;
      isFilled = true;
      const { staff, shelf, count } = record;
      const [now, capacity] = [world.countOn(shelf), shelvesBy.get(shelf)?.capacity ?? 0];
      narrator.say('shop', `${staffName(staff)} puts ${count} ${nameOf(shelf)} on the shelf: ${now} of ${capacity}`);
    },
    alert({ is, alert: { subject, title } }) {
      if (subject !== current?.shelf) {
        if (is !== 'raised' || !lowAtFirst.has(subject) || !isFirst()) return;
        first.push(subject);
        if (first.length === lowAtFirst.size) tellFirst();
      } else if (is === 'raised') {
        narrator.say('hub', `alert: ${title}, ${spanText(world.now - current.ms)} after it began`);
      } else if (is === 'ended') {
        current = undefined;
        narrator.say('hub', `${nameOf(subject)}: the alert is over`);
      }
    },
    took(shelf) {
      if (shelf === current?.shelf) narrator.say('staff', `${lead} takes the alert on the phone and sends somebody`);
    },
  };
}
