// Inserts rows with node:sqlite alone, each durable before the next, for so many ms; prints how
// many it inserted. Its arguments: the file of the database, and the ms.

import { DatabaseSync } from 'node:sqlite';

const [, , file = '', ms = ''] = process.argv;
const database = new DatabaseSync(file);
database.exec(
  'pragma journal_mode = wal; pragma synchronous = full; create table row (id integer primary key, name text)',
);
const insert = database.prepare('insert into row (name) values (?)');
const until = performance.now() + Number(ms);
let count = 0;
while (performance.now() < until) insert.run(`row ${count++}`);
database.close();
process.stdout.write(String(count));
