// The settings of the addresses beside that of the API.

import { listenAddress } from '../cli/parse-address.ts';
import { setting } from '../cli/setting.ts';

export const listenSettings = {
  metrics: setting({
    option: '--metrics <address:port>',
    variable: 'SILVERSMITH_METRICS',
    parse: listenAddress,
    default: null,
    defaultSays:
      'beside the API, when that listens on loopback and has no --public-url, to callers on this host',
    help: 'answer /metrics there and nowhere else',
  }),
  operatorApi: setting({
    option: '--operator-api <address:port>',
    variable: 'SILVERSMITH_OPERATOR_API',
    parse: listenAddress,
    default: null,
    defaultSays: 'beside the API, to callers on this host who come directly',
    help: 'answer the operator’s API there and nowhere else, to all who have a key of operators',
  }),
};
