// The settings of the commands that speak to a server, one row each.

import { accessKey, duration, profileName } from '../parse.ts';
import { serverUrl } from '../parse-address.ts';
import { dataDirSetting, type FlagsOf, setting } from '../setting.ts';

export const remoteSettings = {
  url: setting({
    option: '--url <url>',
    variable: 'SILVERSMITH_URL',
    parse: serverUrl,
    default: null,
    defaultSays: 'http://127.0.0.1:8080, or where the demo is',
    help: 'where the server is',
  }),
  key: setting({
    option: '--key <key>',
    variable: 'SILVERSMITH_KEY',
    parse: accessKey,
    default: null,
    help: 'access key',
  }),
  secret: setting({
    option: '--secret <secret>',
    variable: 'SILVERSMITH_SECRET',
    parse: (text) => text,
    default: null,
    help: 'its secret; better given as the variable, which other users do not see',
  }),
  profile: setting({
    option: '--profile <name>',
    variable: 'SILVERSMITH_PROFILE',
    parse: profileName,
    default: null,
    defaultSays: 'the one that profile use chose',
    help: 'the profile with url, key and secret, as login made it',
  }),
  dataDir: {
    ...dataDirSetting,
    help: 'the folder of demo.json, whose key is used when no other key or profile is given',
  },
  timeout: setting({
    option: '--timeout <duration>',
    variable: 'SILVERSMITH_TIMEOUT',
    parse: duration('1s', '24h'),
    default: null,
    defaultSays: '30s',
    help: 'how long to wait for each answer',
  }),
};

/** The options of such a command, as commander hands them over. */
export interface Remote extends FlagsOf<typeof remoteSettings> {
  json?: boolean;
  /** `--no-wait`: return at once. */
  wait?: boolean;
}
