// Prints the contract as plain types for the client. A program that installs the client has neither
// TypeBox nor the schemas, so the types that are inferred from schemas are of no use to it.

import { type TProperties, Type } from 'typebox';
import { BaseResponse } from '../envelope.ts';
import { EventData } from '../event.ts';
import { isExtension, isObject, type Json, requiredOf } from '../extension.ts';
import type { OperationSpec } from '../operation.ts';
import { operatorOperationNames, operatorSpecOf } from '../operator/table.ts';
import { operationNames, specOf } from '../table.ts';

const nothing = 'Record<never, never>';
const plainTypes: Record<string, string> = { integer: 'number', object: nothing };
const quoted = (values: readonly unknown[]) => values.map((value) => `'${value}'`).join(' | ');
const comment = (text: unknown, indent: string) =>
  typeof text === 'string' ? `${indent}/** ${text.replaceAll('*/', '*')}. */\n` : '';
const indented = (text: string) => text.replaceAll('\n', '\n    ');

/** Writes each schema that has a title as an interface of that name, and refers to it elsewhere. */
class Interfaces {
  readonly texts = new Map<string, string>();
  readonly #titles = new Map<unknown, string>();

  typeOf(schema: unknown): string {
    if (!isObject(schema)) throw new TypeError(`this is no schema: ${String(schema)}`);
    const { type, anyOf, enum: values, items, properties, title } = schema;
    if (Array.isArray(anyOf)) return anyOf.map((one) => this.typeOf(one)).join(' | ');
    if (Array.isArray(values)) return quoted(values);
    if (type === 'array') return arrayOf(this.typeOf(items));
    if (isObject(properties)) {
      const orNull = Array.isArray(type) && type.includes('null') ? ' | null' : '';
      const isNoun = typeof title === 'string';
      return (isNoun ? this.#named(title, schema) : this.#fields(schema, '')) + orNull;
    }
    // Null is all that is sent where a schema has an object without fields.
    const types = Array.isArray(type) ? type.filter((one) => one !== 'object') : [type];
    return types.map((one) => plainTypes[one] ?? String(one)).join(' | ');
  }

  /** The answer's own fields: the interface of a noun when they are all of its fields. */
  answer(properties: TProperties): string {
    const schema: Json = { ...Type.Object(properties) };
    const { id, type, attributes, ...others } = properties;
    if (!id || !attributes || Object.keys(others).length > 0) return this.typeOf(schema);
    return this.#titles.get(properties) ?? this.#named(titleOf(type), schema);
  }

  /** All fields of a request in one object. A field may also be undefined, which leaves it out. */
  input({ params, query, body }: OperationSpec): string {
    const parts = [params, query, body].filter((part) => part !== undefined);
    const properties = Object.assign({}, ...parts.map((part) => part.properties));
    const required = parts.flatMap(requiredOf);
    return this.#fields({ properties, required }, ' | undefined');
  }

  #named(title: string, schema: Json): string {
    this.#titles.set(schema.properties, title);
    if (!this.texts.has(title)) {
      this.texts.set(title, '');
      this.texts.set(title, this.#fields(schema, ''));
    }
    return title;
  }

  #fields(schema: Json, orElse: string): string {
    const required = requiredOf(schema);
    const fields = Object.entries(isObject(schema.properties) ? schema.properties : {});
    if (fields.length === 0) return nothing;
    const lines = fields.map(([name, field]) => {
      const isRequired = required.includes(name);
      const about = comment(isObject(field) ? field.description : undefined, '  ');
      const type = this.typeOf(field).replaceAll('\n', '\n  ');
      return `${about}  ${name}${isRequired ? '' : '?'}: ${type}${isRequired ? '' : orElse};\n`;
    });
    return `{\n${lines.join('')}}`;
  }
}

const arrayOf = (type: string) => (/^[^{]* \| /.test(type) ? `(${type})[]` : `${type}[]`);

/** The name of a noun by the type that the wire gives it: MachineConsole for machine_console. */
function titleOf(schema: unknown): string {
  const [type] = isObject(schema) && Array.isArray(schema.enum) ? schema.enum : [];
  return String(type).replaceAll(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** The names of all fields of schemas for which `counts` is true. */
function fieldNames(schema: unknown, counts: (field: unknown) => boolean): string[] {
  if (!isObject(schema)) return [];
  const own = isObject(schema.properties)
    ? Object.entries(schema.properties).filter(([, field]) => counts(field))
    : [];
  const inner = Object.values(schema).flatMap((one) => fieldNames(one, counts));
  return [...own.map(([name]) => name), ...inner];
}

/** The names of our own fields in operations of the specification. */
function extensionFields(): string[] {
  const schemas = operationNames
    .map(specOf)
    .filter(({ extension }) => !extension)
    .flatMap(({ query, body, response }) => [query, body, Type.Object(response)]);
  const names = (counts: (field: unknown) => boolean) =>
    new Set(schemas.flatMap((schema) => fieldNames(schema, counts)));
  const ours = names(isExtension);
  const theirs = names((field) => !isExtension(field));
  const both = [...ours].filter((name) => theirs.has(name));
  if (both.length > 0)
    throw new Error(
      `${both.join(', ')}: a field of the specification has this name too; rename it`,
    );
  return [...ours];
}

function row(name: string, spec: OperationSpec, interfaces: Interfaces): string {
  const { summary, content, extension } = spec;
  return [
    comment(summary, '  '),
    `  ${name}: {\n`,
    `    input: ${indented(interfaces.input(spec))};\n`,
    `    answer: ${indented(interfaces.answer(spec.response))};\n`,
    ...(content ? [`    content: '${content}';\n`] : []),
    ...(extension ? ['    extension: true;\n'] : []),
    '  };\n',
  ].join('');
}

/** `src/client/types.ts`. */
export function clientTypes(): string {
  const interfaces = new Interfaces();
  interfaces.typeOf({ ...BaseResponse, title: 'Envelope' });
  interfaces.typeOf(EventData);
  const rows = operationNames.map((name) => row(name, specOf(name), interfaces));
  const texts = [...interfaces.texts].map(
    ([title, text]) => `export interface ${title} ${text}\n\n`,
  );
  return `// The inputs and the answers of all operations, as plain types.
// Printed from src/contract/table.ts; do not edit it. Type: npm run contract

${texts.join('')}/** The fields that only servers of Silversmith have. */
export type ExtensionField = ${quoted(extensionFields())};

/** What each operation takes and answers; \`content\` says which of the two is bytes. */
export interface Operations {
${rows.join('')}}
`;
}

/** `src/client/operator-types.ts`. */
export function operatorTypes(): string {
  const interfaces = new Interfaces();
  const rows = operatorOperationNames.map((name) => row(name, operatorSpecOf(name), interfaces));
  return `// The inputs and the answers of the operator's operations, as plain types.
// Printed from src/contract/operator/table.ts; do not edit it. Type: npm run contract

export interface OperatorOperations {
${rows.join('')}}
`;
}
