/** What happens to devices: a thermometer is knocked off and silent until somebody of the staff has looked after it. */
import type { AlertNews } from './alert-watch.ts';
import type { Equipment } from './equipment.ts';
import type { Narrator } from './narrator.ts';
import type { Pace } from './pace.ts';

const UNIT = 'dairy-1';
const DEVICE = `thermometer-${UNIT}`;
const WALK_MS = 5 * 60_000;

export interface Mishap {
  /** Now. */
  happen(): void;
  alert(news: AlertNews): void;
  took(subject: string): void;
  /** Whether the hub missed that it was silent, or that it is back: one sentence. */
  faults(): string[];
}

export function knockedOff({
  equipment,
  pace,
  narrator,
  lead,
}: {
  readonly equipment: Equipment;
  readonly pace: Pick<Pace, 'after'>;
  readonly narrator: Narrator;
  readonly lead: string;
}): Mishap {
  const state = { happened: false, noticed: false, stands: false, right: false };
  return {
    happen() {
      state.happened = true;
      equipment.breakDown(DEVICE);
      narrator.say('shop', `a trolley knocks the battery out of the thermometer in fridge ${UNIT}`);
    },
    alert({ is, alert }) {
      if (!state.happened || alert.subject !== DEVICE) return;
      state.stands = is !== 'ended';
      if (is === 'raised') {
        state.noticed = true;
        narrator.say('hub', `alert: ${alert.title}`);
      } else if (is === 'ended' && state.right) {
        narrator.say('hub', `hears ${DEVICE} again: the alert is over`);
      }
    },
    took(subject) {
      if (subject !== DEVICE || !state.happened) return;
      narrator.say('staff', `${lead} takes the alert on the phone and goes there`);
      void pace.after(WALK_MS, () => {
        state.right = true;
        equipment.setRight();
        narrator.say('shop', 'the battery is in again');
      });
    },
    faults() {
      if (!state.happened) return [];
      if (!state.noticed) return [`${DEVICE} was silent, and no alert told of it`];
      return state.right && state.stands ? [`${DEVICE} was set right, and its alert did not end`] : [];
    },
  };
}
