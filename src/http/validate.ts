// The checks of a request's parts against the schemas of the contract.

import { Ajv, type ValidateFunction } from 'ajv';
import { invalid } from '../domain/error.ts';
import { nameFault } from '../lib/plain-text.ts';
import { partNames } from './errors.ts';

type Schema = { properties?: Record<string, { type?: string }> };

const wholeNumber = /^(0|-?[1-9]\d{0,15})$/;

// Shared by all servers of the process: a schema that was compiled once need not be compiled again.
const strict = new Ajv({ allErrors: false, strict: false });
const coercing = new Ajv({ allErrors: false, strict: false, coerceTypes: true });
for (const ajv of [strict, coercing]) {
  ajv.addFormat('date-time', true);
  ajv.addFormat('plain-text', (text: string) => nameFault(text) === null);
}

/**
 * Bodies are checked as they are. A path and a query hold text alone, which is read as the type
 * that the schema names. A whole number is decimal digits without leading zeros; Ajv would also
 * take `0x1`, `1e0`, and `1` with a line break.
 */
export function schemaCompiler() {
  return ({ schema, httpPart = '' }: { schema: Schema; httpPart?: string }) => {
    if (httpPart === 'body') return strict.compile(schema);
    const validate: ValidateFunction = coercing.compile(schema);
    const fields = Object.entries(schema.properties ?? {});
    const wholes = fields.filter(([, { type }]) => type === 'integer').map(([name]) => name);
    return (data: Record<string, unknown>) => {
      const wrong = wholes.find(
        (name) => typeof data[name] === 'string' && !wholeNumber.test(data[name]),
      );
      if (wrong !== undefined)
        return {
          error: invalid(
            `${partNames[httpPart]}'s field ${wrong} must be a whole number in decimal digits.`,
          ),
        };
      return validate(data)
        ? { value: data }
        : { error: Object.assign(new Error(), { validation: validate.errors }) };
    };
  };
}
