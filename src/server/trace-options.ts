// The settings of traces, one row each. Their variables have the names that OpenTelemetry gives
// them.

import { type Parser, refuse } from '../cli/parse.ts';
import { publicUrl } from '../cli/parse-address.ts';
import { setting } from '../cli/setting.ts';

const headersMax = 20;

/** `name=value` with commas between them; a value may be encoded as in a URL. */
const headerList: Parser<Readonly<Record<string, string>>> = (text) => {
  const pairs = text.split(',').map((pair) => pair.trim().split(/=(.*)/s, 2));
  const headers = pairs.flatMap(([name = '', value]) => {
    const decoded = value === undefined ? null : decodedOf(value.trim());
    const isGood = /^[\w-]{1,64}$/.test(name.trim()) && /^[\x20-\x7e]{1,4096}$/.test(decoded ?? '');
    return isGood && decoded !== null ? [[name.trim(), decoded] as const] : [];
  });
  return headers.length === pairs.length && headers.length <= headersMax
    ? Object.fromEntries(headers)
    : refuse(
        'Give names and values with = and commas, such as authorization=Bearer%20SECRET; write a comma in a value as %2C.',
      );
};

function decodedOf(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

export const traceSettings = {
  otlpEndpoint: setting({
    option: '--otlp-endpoint <url>',
    variable: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    parse: publicUrl,
    default: null,
    defaultSays: 'none, so nothing is traced',
    help: 'send traces of OpenTelemetry there, such as http://127.0.0.1:4318; /v1/traces is added',
  }),
  otlpHeaders: setting({
    option: null,
    variable: 'OTEL_EXPORTER_OTLP_HEADERS',
    parse: headerList,
    default: {},
    defaultSays: 'none',
    help: 'headers for that endpoint, such as authorization=Bearer%20SECRET, with commas between them',
  }),
};

export interface TraceConfig {
  endpoint: string;
  headers: Readonly<Record<string, string>>;
}

export const traceConfig = (
  endpoint: string | null,
  headers: TraceConfig['headers'],
): TraceConfig | null => (endpoint === null ? null : { endpoint, headers });
