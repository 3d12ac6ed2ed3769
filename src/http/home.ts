// The page at `/`, for a person who opens the server's address in a browser. It loads nothing and
// runs nothing, because the policy of every answer forbids both.

import type { FastifyInstance } from 'fastify';

const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Silversmith</title>
<h1>Silversmith</h1>
<p>This is a self-hosted image service: it captures, builds, assigns and deletes disk images of a fleet of computers.
Its API is for programs, and each request is signed; people use the command line: <code>silversmith --help</code></p>
<ul>
<li><a href="/docs">/docs</a>: the API, to read</li>
<li><a href="/openapi.json">/openapi.json</a>: the same, for programs; <a href="/openapi-3.0.json">/openapi-3.0.json</a> for those that know no 3.1</li>
<li><a href="/healthz">/healthz</a>: whether the process lives</li>
<li><a href="/readyz">/readyz</a>: whether it can work</li>
</ul>
</html>
`;

export function homeRoute(app: FastifyInstance): void {
  app.get('/', async (_request, reply) => reply.type('text/html; charset=utf-8').send(page));
}
