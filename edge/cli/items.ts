/** `items list / show / count / decode`: items with RFID tags, where they are, and what a tag's code says. Needs no edge. */
import { type Command, InvalidArgumentError } from 'commander';
import { readEpc } from '../contracts/epc.ts';
import { HubError } from '../contracts/errors.ts';
import { toGtin14 } from '../contracts/gtin.ts';
import type { ItemsWanted, KnownItem } from '../contracts/items.ts';
import { JournalReader } from '../journal/reader.ts';
import { configOf } from './settings.ts';
import { json, line, outputClosed, table } from './terminal.ts';

interface Wanted extends ItemsWanted {
  readonly json?: boolean;
}

const AS_JSON = 'print {epc, zone, since, arrived, gtin?, serial?, sscc?, reader, antenna?}, one a line';

const AFTER = `
Items are known where an RFID reader's antennas have a zone (devices: antennas) and saw their tags. An item that no
reader at work saw for sensing.rfid.departed_after is not in the shop any more; \`journal tail --stream items\` shows
arrivals, moves and departures as they come.

Works with the edge running or stopped. Exit code 0, also when there are no items.`;

export function addItems(program: Command): void {
  const items = program.command('items').description('items with RFID tags: where they are, what a code says');
  narrowed(items.command('list').description('all that are in the shop'))
    .option('--json', AS_JSON)
    .addHelpText('after', AFTER)
    .action(list);
  narrowed(items.command('count').description('how many are in each zone'))
    .option('--json', 'print {zone, items, products}, one a line')
    .action(count);
  items
    .command('show')
    .description('one item, by its tag')
    .argument('<epc>', 'hex of the tag, or an EPC URI')
    .option('--json', AS_JSON)
    .action(show);
  items
    .command('decode')
    .description('what the code of a tag says')
    .argument('<epc>', 'hex of the tag, or an EPC URI')
    .option('--json', 'print one JSON object')
    .action(decode);
}

function narrowed(command: Command): Command {
  return command
    .option('--zone <zone>', 'only this zone')
    .option('--gtin <gtin>', 'only this product, with its check digit', gtin14);
}

function gtin14(text: string): string {
  const gtin = toGtin14(text);
  if (gtin === undefined)
    throw new InvalidArgumentError('expected a GTIN of 8, 12, 13 or 14 digits with its check digit');
  return gtin;
}

async function withReader(command: Command, work: (reader: JournalReader) => Promise<void>): Promise<void> {
  const reader = JournalReader.open(configOf(command).config.data_dir);
  try {
    await work(reader);
  } finally {
    reader.close();
  }
}

/** As promised in JSON: times in ISO 8601, nothing that is not known. */
function shape({ epc, zone, since, arrived, gtin, serial, sscc, reader, antenna }: KnownItem) {
  return {
    ...{ epc, zone, since: new Date(since).toISOString(), arrived: new Date(arrived).toISOString() },
    ...(gtin !== null && { gtin }),
    ...(serial !== null && { serial }),
    ...(sscc !== null && { sscc }),
    reader,
    ...(antenna !== null && { antenna }),
  };
}

async function list(wanted: Wanted, command: Command): Promise<void> {
  await withReader(command, async (reader) => {
    let page = reader.items.page('', wanted);
    if (page.length === 0 && !wanted.json) await line('no items');
    let head = [['EPC', 'ZONE', 'SINCE', 'PRODUCT', 'READER']];
    while (page.length > 0 && !outputClosed.aborted) {
      const items = page.map(shape);
      if (wanted.json) for (const item of items) await json(item);
      else await line(table([...head, ...items.map((item) => cells(item))]));
      head = [];
      page = reader.items.page(page.at(-1)?.epc ?? '', wanted);
    }
  });
}

function cells({ epc, zone, since, gtin, sscc, reader, antenna }: ReturnType<typeof shape>): string[] {
  const place = antenna === undefined ? reader : `${reader}, antenna ${antenna}`;
  return [epc, zone, since, gtin ?? (sscc === undefined ? '' : `SSCC ${sscc}`), place].map(printable);
}

/** Names come from devices: nothing that moves a terminal's cursor. */
function printable(said: string): string {
  return said.replace(/[\p{Cc}\p{Cf}]/gu, '?');
}

async function count(wanted: Wanted, command: Command): Promise<void> {
  await withReader(command, async (reader) => {
    const counts = reader.items.counts(wanted);
    if (wanted.json) {
      for (const each of counts) await json(each);
      return;
    }
    const total = counts.reduce((sum, { items }) => sum + items, 0);
    const rows = counts.map(({ zone, items, products }) => [printable(zone), String(items), String(products)]);
    await line(total === 0 ? 'no items' : table([['ZONE', 'ITEMS', 'PRODUCTS'], ...rows, ['all', String(total)]]));
  });
}

async function show(text: string, options: { json?: boolean }, command: Command): Promise<void> {
  const epc = readEpc(text);
  if (epc.is === 'unreadable') throw new HubError('EPC_UNREADABLE', `no EPC: ${epc.reason}`);
  const name = epc.is === 'epc' ? epc.uri : epc.hex;
  await withReader(command, async (reader) => {
    const row = reader.items.find(name);
    if (row === undefined) throw new HubError('NOT_FOUND', `no item ${name} is in the shop`);
    const item = shape(row);
    if (options.json) await json(item);
    else await line(table(Object.entries(item).map(([field, value]) => [field, printable(String(value))])));
  });
}

/** A tag's code in words; a code that cannot be read is a failure, with the reason. */
async function decode(text: string, options: { json?: boolean }): Promise<void> {
  const epc = readEpc(text);
  if (options.json) await json(epc);
  if (epc.is === 'unreadable') throw new HubError('EPC_UNREADABLE', `no EPC: ${epc.reason}`);
  if (options.json) return;
  if (epc.is === 'other') {
    await line(`${epc.encoding}: an EPC that the hub tracks by its hex, and does not look into`);
    return;
  }
  const { encoding, uri, tag, gtin, serial, sscc } = epc;
  const rows = Object.entries({ encoding, 'pure identity': uri, tag, gtin, serial, sscc });
  await line(table(rows.flatMap(([field, value]) => (value === undefined ? [] : [[field, value]]))));
}
