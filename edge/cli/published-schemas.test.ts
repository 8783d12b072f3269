import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { expect, test } from 'vitest';
import { cloudEventText, type JournalRow } from '../contracts/envelope.ts';
import { EVENT_TYPES, streamOf } from '../contracts/events.ts';
import { KINDS } from '../contracts/readings.ts';
import { folderWith, run } from './command.fixture.ts';
import { publishedSchema, SCHEMA_NAMES } from './published-schemas.ts';

function validator(name: string) {
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, strictRequired: false, allErrors: true });
  addFormats.default(ajv);
  return ajv.compile(publishedSchema(name) ?? expect.unreachable(`no schema ${name}`));
}

const row: JournalRow = {
  stream: 'sales',
  incarnation: '1m7w2y7m0v7f3',
  sequence: 1842,
  streamSequence: 311,
  type: 'retail.sales.sold.v1',
  source: 'till-1',
  subject: 'till-1/000123',
  time: Date.UTC(2026, 10, 20),
  received: Date.UTC(2026, 10, 20),
  quality: 'ok',
  history: false,
  data: '',
};

const line = { gtin: '09521234543213', quantity: 1, uom: 'EA', price: { amount: 199, currency: 'EUR' }, kind: 'sale' };
const sold = { till: 'till-1', transaction: '000123', business_day: '2026-11-20', lines: [line] };

function soldEvent(data: object, history = false): Record<string, unknown> {
  return JSON.parse(cloudEventText('store-0042', { ...row, history, data: JSON.stringify(data) }));
}

test('there is a schema for the configuration, every kind, every replicated event, what else travels, and the checkpoint', () => {
  const events = EVENT_TYPES.filter((type) => streamOf(type) !== 'local');
  const messages = ['message.offer', 'message.claim', 'message.play-report', 'message.offers-report'];
  const readings = KINDS.map((kind) => `reading.${kind}`);
  expect(SCHEMA_NAMES).toEqual(['config', ...readings, ...events, ...messages, 'checkpoint']);
  for (const name of SCHEMA_NAMES) expect(validator(name), name).toBeTypeOf('function');
  expect(publishedSchema('local.wake.v1')).toBeUndefined();
  expect(publishedSchema('reading.constructor')).toBeUndefined();
});

test('an event as the journal writes it fits its schema, with fields of a later version too', () => {
  const fits = validator('retail.sales.sold.v1');
  expect(fits(soldEvent(sold)), JSON.stringify(fits.errors)).toBe(true);
  expect(fits(soldEvent({ ...sold, later: 1 }, true)), JSON.stringify(fits.errors)).toBe(true);
});

test.each([
  ['a GTIN of 13 digits', { ...sold, lines: [{ ...line, gtin: '9521234543213' }] }],
  ['a line without its unit', { ...sold, lines: [{ ...line, uom: undefined }] }],
  ['no business day', { ...sold, business_day: undefined }],
])('an event with %s does not fit', (_, data) => {
  expect(validator('retail.sales.sold.v1')(soldEvent(data))).toBe(false);
});

test('an event of another type or without its envelope does not fit', () => {
  const fits = validator('retail.sales.sold.v1');
  expect(fits({ ...soldEvent(sold), type: 'retail.shelves.level.v1' })).toBe(false);
  expect(fits(sold)).toBe(false);
});

test('a reading with defaults left out fits, one of the wrong kind does not', () => {
  const fits = validator('reading.shelf');
  expect(fits({ shelf: 'A1-3', count: 3, time: 1_790_000_000_000 }), JSON.stringify(fits.errors)).toBe(true);
  expect(fits({ shelf: 'A1-3', count: 'three' })).toBe(false);
});

test('a checkpoint fits', () => {
  const fits = validator('checkpoint');
  const streams = {
    sales: { last: '0000000000000311', dropped: [{ from: '0000000000000300', to: '0000000000000302' }] },
  };
  const { incarnation } = row;
  const checkpoint = {
    hub: 'store-0042',
    incarnation,
    batch: '0'.repeat(32),
    time: '2026-11-20T09:00:00.000Z',
    streams,
    closed: [],
  };
  expect(fits(checkpoint), JSON.stringify(fits.errors)).toBe(true);
  expect(fits({ ...checkpoint, incarnation: 'ILOU' })).toBe(false);
});

test('`schema` prints names, one schema, or all of them; that of the configuration is the shipped file', async () => {
  const folder = folderWith();
  const names = await run(['schema', '--list'], folder);
  expect([names.code, names.stdout]).toEqual([0, `${SCHEMA_NAMES.join('\n')}\n`]);
  expect(JSON.parse((await run(['schema', '--list', '--json'], folder)).stdout)).toEqual(SCHEMA_NAMES);
  const config = await run(['schema', 'config'], folder);
  expect(config.stdout).toBe(readFileSync(new URL('../../config/store.schema.json', import.meta.url), 'utf8'));
  expect(Object.keys(JSON.parse((await run(['schema'], folder)).stdout))).toEqual(SCHEMA_NAMES);
});
