// The settings of where a server listens and is reached, one row each.

import { listenAddress, listenHost, portNumber, publicUrl } from '../cli/parse-address.ts';
import { setting } from '../cli/setting.ts';

const besideApi =
  'beside the API, when that listens on loopback and has no --public-url, to callers on this host';

export const listenSettings = {
  host: setting({
    option: '--host <address>',
    variable: 'SILVERSMITH_HOST',
    parse: listenHost,
    default: '127.0.0.1',
    help: 'address to listen on',
  }),
  port: setting({
    option: '--port <number>',
    variable: 'SILVERSMITH_PORT',
    parse: portNumber,
    default: 8080,
    help: 'port to listen on, 0 for a free one',
  }),
  publicUrl: setting({
    option: '--public-url <url>',
    variable: 'SILVERSMITH_PUBLIC_URL',
    parse: publicUrl,
    default: null,
    help: 'where callers reach it, for links that it makes',
  }),
  metrics: setting({
    option: '--metrics <address:port>',
    variable: 'SILVERSMITH_METRICS',
    parse: listenAddress,
    default: null,
    defaultSays: besideApi,
    help: 'answer /metrics there and nowhere else',
  }),
  operatorApi: setting({
    option: '--operator-api <address:port>',
    variable: 'SILVERSMITH_OPERATOR_API',
    parse: listenAddress,
    default: null,
    defaultSays: besideApi,
    help: 'answer the operator’s API there and nowhere else',
  }),
};
