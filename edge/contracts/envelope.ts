/**
 * A journaled row as the world sees it: a CloudEvent 1.0 in JSON (structured mode). The text is a pure function of
 * the row, byte for byte, so that `journal show`, Kafka and a later re-send can be compared.
 */
import { eventId, sequenceText } from './ids.ts';
import type { JournalStream } from './streams.ts';

export const TIME_QUALITIES = ['ok', 'ahead', 'behind', 'hub-unsynced'] as const;
export type TimeQuality = (typeof TIME_QUALITIES)[number];

/** One row of the journal. Times are epoch milliseconds, `data` is the JSON text of the event's data. */
export interface JournalRow {
  readonly stream: JournalStream;
  readonly incarnation: string;
  readonly sequence: number;
  readonly streamSequence: number;
  readonly type: string;
  /** Device name, or a part of the hub such as `rules/shelf-gap`. */
  readonly source: string;
  readonly subject: string;
  readonly time: number;
  readonly received: number;
  readonly quality: TimeQuality;
  /** A record of the past: it changed no current state. */
  readonly history: boolean;
  readonly data: string;
}

export const CLOUDEVENT_CONTENT_TYPE = 'application/cloudevents+json';

const PLAIN = /^[A-Za-z0-9._~/-]*$/;

/** The path of a CloudEvents `source`: a URI reference, so odd device names are percent-encoded. */
function sourceOf(hub: string, source: string): string {
  return PLAIN.test(source) ? `/${hub}/${source}` : `/${hub}/${source.split('/').map(encodeURIComponent).join('/')}`;
}

/** Many events of a batch share their millisecond, and formatting a date costs more than the rest of the text. */
let lastMs = Number.NaN;
let lastText = '';

function timeText(ms: number): string {
  if (ms !== lastMs) {
    lastText = new Date(ms).toISOString();
    lastMs = ms;
  }
  return lastText;
}

export function cloudEventText(hub: string, row: JournalRow): string {
  return `{"specversion":"1.0","id":"${eventId(hub, row.incarnation, row.sequence)}","source":"${sourceOf(hub, row.source)}","type":"${row.type}","subject":${JSON.stringify(row.subject)},"time":"${timeText(row.time)}","hub":"${hub}","incarnation":"${row.incarnation}","sequence":"${sequenceText(row.sequence)}","streamsequence":"${sequenceText(row.streamSequence)}","receivedtime":"${timeText(row.received)}","timequality":"${row.quality}",${row.history ? '"history":true,' : ''}"datacontenttype":"application/json","data":${row.data}}`;
}
