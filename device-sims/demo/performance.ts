/** The demo's course: opening, business, the cut link, closing, the proof, the summary. */
import { setTimeout as sleep } from 'node:timers/promises';
import { waitUntil } from '../harness/wait-until.ts';
import { TINY_SHOP } from '../world/shop-plan.ts';
import { assemble, type Cast } from './cast.ts';
import type { Cleanup } from './cleanup.ts';
import type { Narrator } from './narrator.ts';
import type { DemoOptions } from './options.ts';
import { bufferLine, type Outage, outage } from './outage.ts';
import { prove } from './proof.ts';
import { type Stage, setStage } from './stage.ts';
import { summary } from './summary.ts';

/** The shop's time passes this much faster than ours: a customer a minute is dull to watch. */
const PACE = 10;
/** Parts of the whole length: when the link is cut, and for how long. */
const CUT_AT = 0.35;
const CUT_FOR = 0.25;
/** Closing takes about this long: the last shoppers pay, the last alerts resolve. */
const CLOSING_MS = 12_000;
/** The counter above the door looks every two seconds, and who left a zone unnoticed is gone after three. */
const LAST_LOOK_MS = 4_000;

export interface Theatre {
  readonly narrator: Narrator;
  readonly cleanup: Cleanup;
  readonly signal: AbortSignal;
}

/** Lets the shop's time pass from now on; gives what stops it. */
function runClock({ shop, unit, story }: Cast): () => void {
  const opened = performance.now();
  let defrosting = false;
  const clock = setInterval(() => {
    const now = ((performance.now() - opened) / 1000) * PACE;
    shop.advance(now);
    unit.advance(now);
    if (unit.defrosting === defrosting) return;
    defrosting = unit.defrosting;
    story.defrost(shop.plan.fridge.unit, defrosting);
  }, 50);
  return () => clearInterval(clock);
}

/** From opening to the closing of the doors. */
async function business(stage: Stage, lengthMs: number, { narrator, signal }: Theatre): Promise<Outage | undefined> {
  const { store, link, kafka } = stage;
  const opened = performance.now();
  const until = async (part: number) => {
    await sleep(Math.max(0, opened + part * lengthMs - performance.now()), undefined, { signal });
  };
  let cut: Outage | undefined;
  await until(CUT_AT);
  if (kafka) {
    cut = await outage({ store, link, narrator, signal }, CUT_FOR * lengthMs);
  } else {
    narrator.say('buffer', await bufferLine(store));
    await until(CUT_AT + CUT_FOR);
    narrator.say('buffer', await bufferLine(store));
  }
  await until(Math.max(0.75, 1 - CLOSING_MS / lengthMs));
  return cut;
}

/** Those inside finish, staff make their round, the alerts resolve. */
async function closing({ shop, ledger, watch }: Cast, { narrator, signal }: Theatre): Promise<void> {
  shop.closeDoors();
  narrator.say('shop', `the doors close; shoppers still inside: ${shop.inside()}`);
  const quiet = (): boolean => {
    if (shop.inside() > 0) return false;
    // A shelf that lost some again while it was being filled may be above its minimum, and not yet full enough.
    for (const { subject } of watch.open()) if (!ledger.openGap(subject)) shop.refill(subject);
    return watch.open().length === 0 && ledger.gaps.every(({ ended }) => ended !== undefined);
  };
  await waitUntil('the shop to be empty and every alert resolved', quiet, { timeoutMs: 60_000, signal });
  await sleep(LAST_LOOK_MS, undefined, { signal });
}

/** What was not as it must be, one sentence each; throws when it could not go on, or was stopped. */
export async function perform(options: DemoOptions, theatre: Theatre): Promise<string[]> {
  const { narrator, cleanup, signal } = theatre;
  const unit = options.minutes === 1 ? 'minute' : 'minutes';
  narrator.heading(`store-hub demo: a small shop for ${options.minutes} ${unit}, ten times faster than life`);
  const stage = await setStage({ ...theatre, plan: TINY_SHOP, offline: options.offline });
  const cast = await assemble(stage, { ...theatre, plan: TINY_SHOP, seed: options.seed });
  const names = cast.devices.map(({ name }) => name).join(', ');
  narrator.say('setup', `${cast.devices.length} devices are connected: ${names}`);
  narrator.plain();
  narrator.heading(`  Staff page: ${stage.store.httpUrl}/   (open it while this runs)`);
  narrator.heading(`  Offers:     ${stage.store.httpUrl}/offers`);
  narrator.heading(`  A screen:   ${stage.store.httpUrl}/screen/${TINY_SHOP.guest?.zone}`);
  narrator.plain();

  narrator.restartClock();
  const stopClock = runClock(cast);
  cleanup.add('shop', async () => stopClock());
  const cut = await business(stage, options.minutes * 60_000, theatre);
  await closing(cast, theatre);
  stopClock();
  await cast.rest(10_000);
  const { sent, acknowledged } = cast.tally;
  narrator.say('setup', `the devices have stopped: ${acknowledged} of ${sent} readings acknowledged`);

  const proof = await prove(stage, cast, signal);
  const faults = [...cast.faults, ...proof.faults];
  summary({ narrator, cast, proof, cut, faults });
  if (faults.length > 0) {
    narrator.plain('\nThe last words of edge and bridge:');
    for (const line of [...stage.store.edge.lines.slice(-8), ...stage.store.bridge.lines.slice(-8)])
      narrator.plain(line);
  }
  return faults;
}
