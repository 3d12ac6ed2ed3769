// The names of tables and columns: camel case in the code, snake case in databases. A compiler of
// queries translates each name when it writes it, because Kysely's own way copies the whole query
// first, which takes longer than the rest of making it.

import { CamelCasePlugin, type KyselyPlugin } from 'kysely';

class Names extends CamelCasePlugin implements KyselyPlugin {
  override transformQuery: KyselyPlugin['transformQuery'] = ({ node }) => node;

  /** Rows of one result have the same columns, so their names are translated once. */
  override async transformResult({
    result,
  }: Parameters<KyselyPlugin['transformResult']>[0]): ReturnType<KyselyPlugin['transformResult']> {
    const [first] = result.rows;
    if (first === undefined) return result;
    const names = Object.keys(first).map((column) => [column, this.camelCase(column)] as const);
    const rows = result.rows.map((row) => {
      const translated: Record<string, unknown> = {};
      for (const [column, name] of names) translated[name] = row[column];
      return translated;
    });
    return { ...result, rows };
  }

  inDatabase(name: string): string {
    return this.snakeCase(name);
  }
}

/** Translates the names in results. The compiler of queries must use `nameInDatabase`. */
export const names = new Names();
export const nameInDatabase = (name: string) => names.inDatabase(name);
