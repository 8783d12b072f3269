/** Claims over real HTTP, on a real writer: what a till is told. */
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { claimsDesk } from '../claims-desk.ts';
import { type ErrorCode, HubError } from '../contracts/errors.ts';
import { campaign } from '../location-offers.fixture.ts';
import { createHttp, listenTcp } from '../ops/http.ts';
import { TillShop } from '../till.fixture.ts';
import { WATER } from '../writer.fixture.ts';
import { claimsApi } from './claims-api.ts';

const ANNA = 'loyalty-anna-4711';
const RECEIPT = { till: 'till-1', transaction: '1', business_day: '2026-11-20' };
let shop: TillShop;
let app: FastifyInstance;
let base: string;
let lines: string[];
let refusing: string | undefined;

beforeEach(async () => {
  shop = new TillShop({
    campaigns: [campaign('soda', { coupon: true, priority: 1 }), campaign('first-ten', { quantity: 1 })],
  });
  shop.level(WATER, 12);
  lines = [];
  refusing = undefined;
  app = createHttp({ hosts: [], logger: pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) }) });
  const desk = claimsDesk(async (request) => {
    if (refusing !== undefined) throw new HubError('NOT_STORED', refusing);
    const [answer] = shop.hand([], [request]).answers;
    if (answer?.ok) return answer.value;
    throw new HubError(answer?.code as ErrorCode, answer?.message ?? '');
  });
  await app.register(claimsApi, { desk });
  base = `http://127.0.0.1:${await listenTcp(app, { host: '127.0.0.1', port: 0 })}`;
});

afterEach(async () => {
  await app.close();
  shop.close();
});

async function post(path: string, body?: unknown) {
  const headers = { 'content-type': 'application/json' };
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await fetch(base + path, { method: 'POST', headers, ...(body !== undefined && { body: text }) });
  return { status: response.status, headers: response.headers, body: (await response.json()) as unknown };
}

const claim = (asked: object) => post('/api/claims', { ...RECEIPT, ...asked });

describe('POST /api/claims', () => {
  test('is answered with the claim and its campaign, the same each time the transaction asks', async () => {
    const { code } = shop.offerTo(ANNA);
    const first = await claim({ code, operator: 'eve' });
    expect(first).toMatchObject({ status: 200, body: { claim: expect.stringMatching(/^\w{26}$/), campaign: 'soda' } });
    expect(Object.keys(first.body as object).sort()).toEqual(['campaign', 'claim']);
    expect((await claim({ code })).body).toEqual(first.body);
    expect(shop.events('retail.offers.redeemed.v1')).toHaveLength(1);
  });

  test('is refused with 409, the reason and a sentence, as problem details', async () => {
    const { code } = shop.offerTo(ANNA);
    expect((await claim({ code })).status).toBe(200);
    const refused = await claim({ code, transaction: '2' });
    expect(refused.headers.get('content-type')).toContain('application/problem+json');
    expect(refused).toMatchObject({
      status: 409,
      body: { status: 409, title: 'Conflict', reason: 'used', detail: 'this code was used already' },
    });
    expect((await claim({ campaign: 'first-ten' })).status).toBe(200);
    expect(await claim({ campaign: 'first-ten', transaction: '2' })).toMatchObject({
      status: 409,
      body: { reason: 'capped' },
    });
  });

  test('names every field of a body that is wrong', async () => {
    const cases: [unknown, string[]][] = [
      [{ ...RECEIPT }, ['']],
      [{ ...RECEIPT, code: 'x', campaign: 'soda' }, ['']],
      [{ ...RECEIPT, code: 'x', till: '' }, ['/till']],
      [{ ...RECEIPT, code: 'x', transaction: 17 }, ['/transaction']],
      [{ ...RECEIPT, code: 'x', shopper: null }, ['/shopper']],
      [{ code: 7 }, ['/till', '/transaction', '/business_day', '/code']],
      [{ ...RECEIPT, code: 'x', colour: 'red', 'a/b~': 1 }, ['/colour', '/a~1b~0']],
      [[], ['']],
      [undefined, ['']],
      ['null', ['']],
    ];
    for (const day of ['20261120', '20.11.2026', '2026-11-20T00:00:00Z', '2026-02-30', 1_795_000_000])
      cases.push([{ ...RECEIPT, code: 'x', business_day: day }, ['/business_day']]);
    for (const [body, pointers] of cases)
      expect(await post('/api/claims', body), JSON.stringify(body)).toMatchObject({ status: 400, body: { pointers } });
    expect(await post('/api/claims', '{')).toMatchObject({ status: 400 });
    expect(shop.uses()).toEqual([]);
  });

  test('says what is wrong with a body as it is said of readings', async () => {
    const { status, body } = await post('/api/claims', { code: 'x', transaction: 7 });
    expect(status).toBe(400);
    expect((body as { detail: string }).detail).toBe(
      '/till: missing, expected text; /transaction: expected text, got a number; /business_day: missing, expected a date such as 2026-11-30',
    );
  });

  test('that cannot be stored is 503, to be asked again', async () => {
    refusing = 'the disk is full';
    const refused = await claim({ campaign: 'first-ten' });
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5']);
    refusing = undefined;
    expect((await claim({ campaign: 'first-ten' })).status).toBe(200);
  });

  test('says nothing of the shopper in an answer or a log line', async () => {
    shop.consent(ANNA);
    await claim({ campaign: 'first-ten', shopper: ANNA });
    const answers = [
      await claim({ campaign: 'soda', shopper: ANNA, transaction: '2' }),
      await claim({ campaign: 'x', shopper: ANNA, transaction: '2', operator: 1 }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([409, 400]);
    expect(JSON.stringify(answers) + lines.join('')).not.toContain(ANNA);
  });
});

describe('POST /api/offers/<id>/seen', () => {
  test('notes an offer that stands, also without a body, and knows no other', async () => {
    const { id } = shop.offerTo(ANNA);
    expect(await post(`/api/offers/${id}/seen`)).toMatchObject({ status: 200, body: { offer: id } });
    expect(await post(`/api/offers/${id}/seen`, {})).toMatchObject({ status: 200 });
    expect(shop.events('retail.offers.seen.v1')).toHaveLength(1);
    for (const other of ['nobody'.padEnd(26, '0'), 'short', `${id}0`])
      expect(await post(`/api/offers/${other}/seen`), other).toMatchObject({ status: 404 });
    refusing = 'the disk is full';
    expect(await post(`/api/offers/${id}/seen`)).toMatchObject({ status: 503 });
  });
});
