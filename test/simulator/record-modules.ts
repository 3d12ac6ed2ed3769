// Loaded before a program by `node --import`: writes the modules that the program has loaded, and
// how many of Node's own, into the file that RECORD_MODULES names.

import { writeFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

const urls = new Set<string>();
registerHooks({
  load(url, context, next) {
    urls.add(url);
    return next(url, context);
  },
});
process.once('exit', () => {
  // It is not in the types: the names of all of Node's own modules that are loaded.
  const own = Reflect.get(process, 'moduleLoadList');
  writeFileSync(process.env.RECORD_MODULES ?? '', JSON.stringify({ urls: [...urls], own }));
});
