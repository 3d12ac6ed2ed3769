// Prints the names of the refusals for the client, which gives an error its name by its code.

import { wireErrors } from '../errors.ts';

/** `src/client/error-codes.ts`. */
export function clientErrorCodes(): string {
  const rows = Object.entries(wireErrors).map(
    ([name, { clientCode, meaning }]) =>
      `  /** ${meaning.replaceAll('*/', '*')}. */\n  ${clientCode}: '${name}',\n`,
  );
  return `// The name of each refusal, by its client_code.
// Printed from src/contract/errors.ts; do not edit it. Type: npm run contract

export const errorCodes = {
${rows.join('')}} as const;
`;
}
