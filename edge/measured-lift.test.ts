/**
 * Whether the lift that the hub measures is the truth: shops with known probabilities, through the whole of the writer,
 * and then the report that managers read. One campaign of one shop is one run.
 */
import { expect, test } from 'vitest';
import type { Lift } from './contracts/offers.ts';
import { JournalReader } from './journal/reader.ts';
import { randomBy, Street, type Truth } from './measured-lift.fixture.ts';

const RUNS = 500;
/** Of one shop: campaigns, shoppers, and to how many campaigns each of them goes. */
const CAMPAIGNS = 50;
const SHOPPERS = 250;
const ROUNDS = 12;
/** Who is held out is drawn by keys that are new each time: now and then 500 runs are too few to tell. */
const MOST_RUNS = 3 * RUNS;
const [LOW, HIGH] = [0.93, 0.97];

/** With 1.96 standard errors to each side, these would be covered in only 90 of 100 cases. */
const TRUTHS: readonly Truth[] = [
  { treated: 0.35, heldOut: 0.2, holdout: 0.3 },
  { treated: 0.3, heldOut: 0.3, holdout: 0.15 },
  { treated: 0.5, heldOut: 0.4, holdout: 0.2 },
  { treated: 0.2, heldOut: 0.35, holdout: 0.1 },
  { treated: 0.75, heldOut: 0.5, holdout: 0.5 },
];
const truths = Array.from({ length: CAMPAIGNS }, (_, at) => TRUTHS[at % TRUTHS.length] ?? expect.unreachable());

test('the interval of the measured lift covers the truth in 93 to 97 of 100 runs, and no purchase is counted wrong', () => {
  let runs = 0;
  let covered = 0;
  const isTold = (): boolean => runs > 0 && LOW <= covered / runs && covered / runs <= HIGH;
  while (runs % RUNS !== 0 || (!isTold() && runs < MOST_RUNS)) {
    const lifts = measure(runs + 1);
    runs += lifts.length;
    covered += lifts.filter((lift, at) => lift && covers(lift, truths[at] ?? expect.unreachable())).length;
  }
  console.info(`measured lift: the interval covered the truth in ${covered} of ${runs} runs`);
  expect(covered / runs).toBeGreaterThanOrEqual(LOW);
  expect(covered / runs).toBeLessThanOrEqual(HIGH);
}, 900_000);

function covers({ low, high }: Lift, { treated, heldOut }: Truth): boolean {
  return low <= treated - heldOut && treated - heldOut <= high;
}

/** The lift of each campaign as the report says it; what it counts is what truly happened. */
function measure(seed: number): (Lift | null)[] {
  const street = new Street({ truths, shoppers: SHOPPERS, rounds: ROUNDS, random: randomBy(seed) });
  const { shop, campaigns, ledgers } = street;
  street.walk();
  const reader = JournalReader.open(shop.folder);
  const report = reader.offers({ campaigns, today: '2026-11-20', wall: shop.clocks.wallMs });
  reader.close();
  const measured = report.campaigns.map(({ treated, holdout }) => ({ treated, holdout }));
  expect(measured).toEqual(ledgers);
  const told = shop.rows(
    "SELECT data FROM events_offers JOIN event_types t ON t.code = events_offers.type WHERE t.type = 'retail.offers.effect.v1' ORDER BY position",
  );
  const effects = new Map(told.map(({ data }) => JSON.parse(String(data))).map((effect) => [effect.campaign, effect]));
  for (const { campaign, treated, holdout, lift } of report.campaigns)
    expect(effects.get(campaign)).toMatchObject({ treated, holdout, lift });
  shop.close();
  return report.campaigns.map(({ lift }) => lift);
}
