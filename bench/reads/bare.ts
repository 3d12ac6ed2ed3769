// A bare server of node:http, the limit of what one process of Node answers: it answers every
// request with the same bytes. They come as JSON through standard input; its port goes out.

import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';

const body = Buffer.from(await text(process.stdin));
const headers = { 'content-type': 'application/json', 'content-length': body.length };
const server = createServer((_request, response) => {
  response.writeHead(200, headers).end(body);
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (typeof address === 'object') process.stdout.write(`${address?.port}\n`);
});
