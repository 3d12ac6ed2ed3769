// Prints the contract's tables as the reference pages for people.

import { pathPrefix } from '../envelope.ts';
import { wireErrors } from '../errors.ts';
import { extensionsHeader, isExtension, requiredOf } from '../extension.ts';
import { canStream, type OperationSpec, permissionsOf } from '../operation.ts';
import { documented } from './documented.ts';

interface Field {
  type?: string | string[];
  description?: string;
  enum?: string[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  items?: Field;
}

const escaped = (text: string) => text.replaceAll('|', '\\|');

function typeOf({ type, enum: values, items }: Field): string {
  if (values) return values.map((value) => `\`${value}\``).join(', ');
  if (items) return `array of ${typeOf(items)}`;
  return Array.isArray(type) ? type.join(' or ') : (type ?? 'object');
}

function boundsOf(field: Field): string {
  const range = (least: number | undefined, most: number | undefined, what: string) => {
    const top = most === undefined || most === Number.MAX_SAFE_INTEGER ? '' : ` to ${most}`;
    return least === undefined && top === ''
      ? []
      : [`${least ?? 0}${top}${top === '' ? ' and up' : ''}${what}`];
  };
  return [
    ...range(field.minimum, field.maximum, ''),
    ...range(field.minLength, field.maxLength, ' characters'),
    ...range(field.minItems, field.maxItems, ' items'),
  ].join(', ');
}

function fields(place: string, schema: OperationSpec['body']): string[] {
  const required = requiredOf(schema);
  return Object.entries<Field>(schema?.properties ?? {}).map(
    ([name, field]) =>
      `| \`${name}\` | ${place} | ${escaped(typeOf(field))} | ${boundsOf(field)} | ${required.includes(name) ? 'yes' : 'no'} | ${escaped(field.description ?? '')}${isExtension(field) ? ' (our own addition)' : ''} |`,
  );
}

/** `docs/reference/api.md`. */
export function apiReference(): string {
  const lines = [
    '# The API',
    '',
    'Printed from the rows in `src/contract/<noun>.ts`, which `src/contract/table.ts` joins; do not edit it.',
    `Every path begins with \`${pathPrefix}\`; every request is signed; every POST and DELETE may bear an`,
    `\`Idempotency-Key\`. Fields of our own are sent to callers that send \`${extensionsHeader.name}: ${extensionsHeader.value}\`. Any operation can also refuse with 400,`,
    '401, 4710, 429, 500 and 503 ([errors](errors.md)).',
    '',
    'Operations whose names begin with `operator.` take keys of operators alone, and are answered on the',
    'host of the server, or where `--operator-api` says ([ADR 31](../adr/0031-operator-api.md)).',
    '',
    'Every answer in JSON has an *envelope*: the fields `client_code` (200 for success), `message` and `timestamp`,',
    'beside those that are named here. A *plan* is a machine type: `plan_id` and `machine_type_id` are the same id.',
  ];
  for (const { name, operation } of documented) {
    const inputs = [
      ...fields('path', operation.params),
      ...fields('query', operation.query),
      ...fields('body', operation.body),
    ];
    lines.push(
      '',
      `## ${name}`,
      '',
      `\`${operation.method} ${operation.path}\` · permission ${permissionsOf(operation)
        .map((one) => `\`${one}\``)
        .join(
          ' or ',
        )}${operation.action ? ` · in the audit trail \`${operation.action}\`` : ''}${operation.extension ? ' · our own addition' : ''}`,
      '',
      `${operation.summary}.`,
    );
    if (inputs.length > 0)
      lines.push(
        '',
        '| field | in | type | bounds | required | meaning |',
        '|---|---|---|---|---|---|',
        ...inputs,
      );
    const answers = Object.keys(operation.response);
    lines.push(
      '',
      canStream(operation) && answers.length === 0
        ? 'Answer: server-sent events ([events](../guide/events.md)).'
        : `Answer: ${answers.length > 0 ? answers.map((field) => `\`${field}\``).join(', ') : 'the envelope alone'}${canStream(operation) ? '; with `follow` server-sent events ([events](../guide/events.md))' : ''}.`,
    );
    if (operation.errors.length > 0)
      lines.push(
        `Refusals: ${operation.errors.map((error) => wireErrors[error].clientCode).join(', ')}.`,
      );
  }
  return `${lines.join('\n')}\n`;
}

/** `docs/reference/errors.md`. */
export function errorReference(): string {
  const rows = Object.values(wireErrors).map(
    ({ clientCode, status, meaning }) => `| ${clientCode} | ${status} | ${escaped(meaning)} |`,
  );
  const head = [
    '# Errors',
    '',
    'Printed from `src/contract/errors.ts`. An error is `{client_code, message, timestamp}`; its message says what to do.',
    '',
  ];
  return `${[...head, '| client_code | HTTP | meaning |', '|---|---|---|', ...rows].join('\n')}\n`;
}
