/** Tills that post their sales: as readings, or as whole files. */
import { writeFileSync } from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import { csvText, posLogText } from '../device-sims/devices/till-files.ts';
import { FileShop, receiptOf, receipts } from './till-files.fixture.ts';

let shop: FileShop | undefined;

afterEach(async () => {
  await shop?.close();
  shop = undefined;
});

const line = { gtin: '9521234543213', quantity: 1, price: { amount: 129, currency: 'EUR' } };

it('a sale is answered after its commit, and told from its resend by till, transaction and day, also after kill -9', async () => {
  const own = await FileShop.open('csv');
  shop = own;
  const post = (more: object = {}) =>
    own.store.post('/in/sale/till-1', {
      till: 'till-1',
      transaction: '7',
      business_day: '2026-11-20',
      lines: [line],
      ...more,
    });
  expect(await post()).toEqual({ status: 202, body: { accepted: 1, repeated: 0 } });
  await own.store.edge.kill();
  await own.store.edge.start();
  expect(await post()).toEqual({ status: 202, body: { accepted: 0, repeated: 1 } });
  // The counter of a till begins anew each day.
  expect(await post({ business_day: '2026-11-21' })).toEqual({ status: 202, body: { accepted: 1, repeated: 0 } });
  expect(await post({ till: 'till-2' })).toEqual({ status: 202, body: { accepted: 1, repeated: 0 } });
  expect(own.sales().map(({ till, transaction }) => `${till} ${transaction}`)).toEqual([
    'till-1 7',
    'till-1 7',
    'till-2 7',
  ]);
  // What was posted is not taken again from a file.
  writeFileSync(own.path('a.csv'), csvText([receiptOf(7, { workstation: 'till-1' }), receiptOf(8)]));
  await own.untilSold(4);
  expect(own.transactions()).toEqual(['7', '7', '7', '8']);
});

it('whole files are pushed, once each, and refused with the place', async () => {
  const own = await FileShop.open('poslog', {}, { folder: undefined, push: true });
  shop = own;
  const push = async (body: string | Buffer) => {
    const response = await fetch(`${own.store.httpUrl}/push/tills`, {
      method: 'POST',
      headers: { 'content-type': 'application/xml' },
      body,
    });
    return { status: response.status, text: await response.text() };
  };
  expect(await push(posLogText(receipts(30)))).toEqual({ status: 202, text: '{"accepted":30,"repeated":0}' });
  const latin = Buffer.from(posLogText(receipts(31), { encoding: 'ISO-8859-1' }), 'latin1');
  expect(await push(latin)).toEqual({ status: 202, text: '{"accepted":1,"repeated":30}' });
  const refused = await push(posLogText(receipts(40)).slice(0, 3000));
  expect(refused.status).toBe(400);
  expect(refused.text).toMatch(/not well-formed XML: unclosed tag/);
  expect(own.transactions()).toHaveLength(31);
});
