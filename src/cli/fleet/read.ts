// Reads a fleet file. Every fault is told with its line and column, and nothing is begun with a
// file that has one.

import { readFile } from 'node:fs/promises';
import { Ajv, type ErrorObject } from 'ajv';
import { type Document, isMap, isNode, isSeq, LineCounter, parseDocument } from 'yaml';
import { readableFile } from '../file.ts';
import { UsageError } from '../parse.ts';
import { didYouMean } from '../similar.ts';
import { check, type Fault } from './check.ts';
import { type Fleet, fleetSchema } from './schema.ts';

const fileBytesMax = 1024 * 1024;
const aliasesMax = 100;
const faultsShownMax = 20;
const depthMax = 10;
const deepSays = `it is nested deeper than ${depthMax} levels, and a fleet file never is; look for brackets that are not closed, or for lines that are indented too far.`;

type Path = readonly (string | number)[];

export interface FleetFile {
  fleet: Fleet;
  /** Where a part of it is, as `fleet.yaml:3:5`. */
  placeOf(path: Path): string;
}

/** Reads and checks the file. Throws UsageError with all that is wrong with it. */
export async function readFleet(file: string): Promise<FleetFile> {
  if ((await readableFile('--file', file)) > fileBytesMax)
    throw new UsageError(`--file: ${file} is larger than ${fileBytesMax} bytes; divide it.`);
  return parseFleet(file, await readFile(file, 'utf8'));
}

/** Like `readFleet`, from the text of the file. */
export function parseFleet(file: string, text: string): FleetFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const placeOf = (path: Path) => place(offsetOf(document, path));
  const deep = tooDeep(document);
  if (deep !== null) fail([[place(deep), deepSays]]);
  if (document.errors.length > 0)
    fail(
      document.errors.map(({ pos, message }) => [
        place(pos[0]),
        message.replace(/ at line \d+, column \d+:[\s\S]*$/, ''),
      ]),
    );
  const value = contentOf(document, file);
  const ajv = new Ajv({ allErrors: true, verbose: true, strict: false });
  const isFleet = ajv.compile<Fleet>(fleetSchema);
  if (!isFleet(value))
    return fail((isFleet.errors ?? []).map((error) => inWords(error, value, placeOf)));
  const faults = check(value);
  if (faults.length > 0) fail(faults.map(({ path, says }: Fault) => [placeOf(path), says]));
  return { fleet: value, placeOf };
}

/** Where a part begins that is nested too deeply; null when there is none. */
function tooDeep({ contents, errors }: Document.Parsed): number | null {
  // The parser calls itself for each level, and reports where it could not go on.
  const endless = errors.find(({ message }) => /call stack/.test(message));
  if (endless) return endless.pos[0];
  let level: unknown[] = [contents];
  for (let depth = 0; depth <= depthMax; depth++) {
    level = level.flatMap((node): unknown[] =>
      isMap(node)
        ? node.items.flatMap(({ key, value }) => [key, value])
        : isSeq(node)
          ? node.items
          : [],
    );
  }
  const [first] = level;
  if (first === undefined) return null;
  return isNode(first) ? (first.range?.[0] ?? 0) : 0;
}

/** The file as data. An alias that leads to itself, or to very much, is refused. */
function contentOf(document: Document.Parsed, file: string): unknown {
  try {
    return JSON.parse(JSON.stringify(document.toJS({ maxAliasCount: aliasesMax }) ?? null));
  } catch (error) {
    throw new UsageError(
      `${file}: ${error instanceof Error ? error.message : error}; write it without aliases.`,
    );
  }
}

function fail(faults: readonly (readonly [place: string, says: string])[]): never {
  const shown = faults.slice(0, faultsShownMax).map(([place, says]) => `${place}: ${says}`);
  const rest = faults.length - shown.length;
  const more = rest > 0 ? [`and ${rest} more`] : [];
  throw new UsageError([...shown, ...more, 'Nothing was changed.'].join('\n'));
}

/** Where a part begins; of what is missing, where the nearest part around it does. */
function offsetOf(document: Document.Parsed, path: Path): number {
  for (let length = path.length; length >= 0; length--) {
    const parent = document.getIn(path.slice(0, length - 1), true);
    const key = path[length - 1];
    // The key of a map is where a reader looks for a wrong value.
    const pair = isMap(parent)
      ? parent.items.find((one) => isNode(one.key) && String(one.key) === String(key))
      : undefined;
    const node = pair && isNode(pair.key) ? pair.key : document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return 0;
}

const stepsOf = (pointer: string): Path =>
  pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((step) => (/^\d+$/.test(step) ? Number(step) : step));

function inWords(
  { instancePath, keyword, params, message, parentSchema }: ErrorObject,
  value: unknown,
  placeOf: (path: Path) => string,
): [place: string, says: string] {
  const path = stepsOf(instancePath);
  const name = path.findLast((step) => typeof step === 'string') ?? 'the file';
  if (keyword === 'additionalProperties') {
    const key = String(params.additionalProperty);
    const known = Object.keys(parentSchema?.properties ?? {});
    return [placeOf([...path, key]), `${key} is not known.${didYouMean(key, known)}`];
  }
  if (keyword === 'required')
    return [
      placeOf(path),
      `${params.missingProperty} is missing${path.length > 0 ? ' here' : ''}.`,
    ];
  if (keyword === 'const') return [placeOf(path), `${name} must be ${params.allowedValue}.`];
  if (value === null) return [placeOf(path), 'the file is empty; begin with version: 1'];
  return [placeOf(path), `${name} ${message ?? 'is not valid'}.`];
}
