// The setting that lets pages of other origins call the API from a browser.

import { type Parser, refuse } from '../cli/parse.ts';
import { setting } from '../cli/setting.ts';

const originsMax = 20;

/**
 * An origin as a browser sends it; so no path, no capital letters, and no port that is the usual.
 */
const isOrigin = (text: string): boolean =>
  /^https?:\/\/[^*]+$/.test(text) && URL.parse(text)?.origin === text;

const originList: Parser<readonly string[]> = (text) => {
  const origins = text.split(',').map((one) => one.trim());
  return origins.length <= originsMax && origins.every(isOrigin)
    ? origins
    : refuse(
        `Give at most ${originsMax} exact origins with commas between them, such as https://console.example,http://localhost:5173: no path, no *, and no port where it is the usual one.`,
      );
};

export const corsSettings = {
  corsOrigin: setting({
    option: '--cors-origin <origins>',
    variable: 'SILVERSMITH_CORS_ORIGIN',
    parse: originList,
    default: [],
    defaultSays: 'none',
    help: 'origins whose pages may call the API from a browser, with a key of their own',
  }),
};
