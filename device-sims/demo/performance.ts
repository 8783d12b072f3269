/** The demo's course: the set-up, the afternoon with its mishaps, the proof, the summary. */
import { execFileSync } from 'node:child_process';
import { AFTERNOON_MS, type Afternoon, openAfternoon } from './afternoon.ts';
import { type Campaign, campaignsOf } from './campaigns.ts';
import { assemble, type Cast } from './cast.ts';
import type { Cleanup } from './cleanup.ts';
import type { Narrator } from './narrator.ts';
import type { DemoOptions } from './options.ts';
import { bufferLine, type Outage, outage } from './outage.ts';
import { prove } from './proof.ts';
import { type Stage, setStage } from './stage.ts';
import { summary } from './summary.ts';
import { counted } from './words.ts';

/** Simulated ms since three o'clock. */
const MINUTE = 60_000;
const MISHAP_AT = 25 * MINUTE;
const CUT_AT = 80 * MINUTE;
const HEALED_AT = 110 * MINUTE;

export interface Theatre {
  readonly narrator: Narrator;
  readonly cleanup: Cleanup;
  readonly signal: AbortSignal;
}

/** Pseudo-terminals for the scales that are on serial lines. */
function hasSocat(): boolean {
  try {
    execFileSync('/bin/sh', ['-c', 'command -v socat'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function introduce(stage: Stage, { narrator }: Theatre, campaigns: readonly Campaign[]): void {
  const { httpUrl } = stage.store;
  narrator.plain();
  narrator.heading(`  Staff page: ${httpUrl}/   (open it while this runs, as if on a phone)`);
  narrator.heading(`  Offers:     ${httpUrl}/offers`);
  narrator.heading(`  A screen:   ${httpUrl}/screen/${campaigns[0]?.zone}`);
  narrator.plain();
  narrator.plain('  shop: what truly happens, from the ledger of the simulated shop. hub: what store-hub makes of it.');
  narrator.plain();
}

/** From three to six. */
async function live(stage: Stage, cast: Cast, { narrator, signal }: Theatre): Promise<Outage | undefined> {
  const { store, link, kafka } = stage;
  const { pace, afternoon, mishap } = cast;
  const until = (ms: number): Promise<void> => pace.until(afternoon.begins + ms);
  pace.start();
  await until(MISHAP_AT);
  mishap.happen();
  await until(CUT_AT);
  let cut: Outage | undefined;
  if (kafka) cut = await outage({ store, link, narrator, signal, over: () => until(HEALED_AT) });
  else narrator.say('hub', await bufferLine(store));
  await until(AFTERNOON_MS);
  return cut;
}

function clockOf({ world, file }: Afternoon): () => string {
  const format = new Intl.DateTimeFormat('en-GB', { timeZone: file.timezone, hour: '2-digit', minute: '2-digit' });
  return () => format.format(world.now);
}

/** What was not as it must be, one sentence each; throws when it could not go on, or was stopped. */
export async function perform(options: DemoOptions, theatre: Theatre): Promise<string[]> {
  const { narrator, cleanup, signal } = theatre;
  const { minutes, seed, offline } = options;
  const speed = AFTERNOON_MS / MINUTE / minutes;
  const times = Number.isInteger(speed) ? speed : speed.toFixed(1);
  narrator.heading(
    `store-hub demo: a supermarket from three to six, in ${counted(minutes, 'minute')} (${times} times as fast as life)`,
  );
  const afternoon = openAfternoon(seed);
  const campaigns = campaignsOf(afternoon.world.floor);
  const serial = hasSocat();
  const stage = await setStage({ ...theatre, afternoon, campaigns, speed, serial, offline });
  const cast = await assemble(stage, { ...theatre, afternoon, campaigns, speed, seed, serial });
  const { length } = cast.equipment.devices;
  const lines = serial ? 'serial lines' : 'no serial lines as socat is missing';
  narrator.say('setup', `${length} devices are connected, each in its vendor's format: MQTT, HTTP, files, ${lines}`);
  introduce(stage, theatre, campaigns);

  narrator.useClock(clockOf(afternoon));
  cleanup.add('shop', () => cast.pace.stop());
  cast.opening();
  const cut = await live(stage, cast, theatre);
  await cast.rest();
  const { sent, acknowledged } = cast.equipment.tally;
  narrator.say('setup', `the devices have stopped: ${acknowledged} of ${sent} frames acknowledged`);

  const proof = await prove(stage, cast, signal);
  const faults = [...cast.faults, ...cast.mishap.faults(), ...proof.faults];
  summary({ narrator, stage, cast, proof, cut, faults });
  if (faults.length > 0) {
    narrator.plain('\nThe last words of edge and bridge:');
    for (const line of [...stage.store.edge.lines.slice(-8), ...stage.store.bridge.lines.slice(-8)])
      narrator.plain(line);
  }
  return faults;
}
