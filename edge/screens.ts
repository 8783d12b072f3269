/** The screens of zones: what goes out for them is put on their board, what they report goes through the journal's door. */
import { dayInZone } from './codecs/business-day.ts';
import type { Campaign } from './contracts/campaigns.ts';
import type { Facing } from './contracts/planogram.ts';
import type { Request } from './crossing.ts';
import { toZones } from './notify/offer-topics.ts';
import type { OutMessage } from './notify/outbox.ts';
import { PlayTickets } from './staff/play-tickets.ts';
import { ScreenBoard } from './staff/screen-board.ts';
import type { ScreenDesk } from './staff/screens-api.ts';

export interface Shop {
  readonly planogram: readonly Facing[];
  readonly campaigns: readonly Campaign[];
  /** IANA name. */
  readonly timezone: string;
}

export interface Screens extends ScreenDesk {
  /** What goes out, in its order, after its commit. */
  hear(out: readonly OutMessage[]): void;
}

/** @param pages screens that may listen at the same time */
export function screensOf(
  { planogram, campaigns, timezone }: Shop,
  pages: number,
  request: (request: Request) => Promise<unknown>,
): Screens {
  const board = new ScreenBoard({
    zones: [...new Set([...planogram, ...campaigns].map(({ zone }) => zone))].sort(),
    nameOf: (zone, gtin) => {
      const facings = planogram.filter((facing) => facing.gtin === gtin);
      return (facings.find((facing) => facing.zone === zone) ?? facings[0])?.name;
    },
    dayAt: dayInZone(timezone),
    now: Date.now,
  });
  return {
    board,
    tickets: new PlayTickets({ pages, now: () => performance.now() }),
    played: async (offer, screen, seconds) => (await request({ op: 'offer-played', offer, screen, seconds })) === true,
    hear: (out) => board.hear(toZones(out)),
  };
}
