// The type of an environment: variables by name. Only `src/bin` reads that of the process; all
// others are given one.

export type Environment = Readonly<Record<string, string | undefined>>;
