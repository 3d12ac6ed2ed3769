// The log as the rooms see it. `http/log.ts` makes it; every line is one JSON object.

export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** The same log, with fields that each of its lines has. */
export const logWith = (log: Log, fields: object): Log => ({
  debug: (more, message) => log.debug({ ...fields, ...more }, message),
  info: (more, message) => log.info({ ...fields, ...more }, message),
  warn: (more, message) => log.warn({ ...fields, ...more }, message),
  error: (more, message) => log.error({ ...fields, ...more }, message),
});

/** A log without lines, for those who say themselves what they found. */
export const noLog: Log = { debug() {}, info() {}, warn() {}, error() {} };
