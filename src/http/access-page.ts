// The page that a link opens in a browser, with noVNC for the screen and xterm.js for the console.
// Everything on it comes from this server. Its policy runs no script that is not one of these
// files.

import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { send } from '@fastify/send';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../domain/error.ts';

const folderOf = (file: string) => dirname(fileURLToPath(import.meta.resolve(file)));
const page = fileURLToPath(new URL('../../assets/access-page/', import.meta.url));

/** The folders of files that the page loads, by the names below which it asks for them. */
const folders = {
  own: page,
  novnc: join(folderOf('@novnc/novnc'), '..'),
  xterm: join(folderOf('@xterm/xterm'), '..'),
};
/** What the page asks for, and nothing else that is in these folders. */
const shown =
  /^(own\/page\.(js|css)|novnc\/(core|vendor)\/[\w/-]+\.js|xterm\/(lib\/xterm\.mjs|css\/xterm\.css))$/;

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  // xterm.js makes style elements of its own.
  "style-src 'self' 'unsafe-inline'",
  // noVNC draws pictures and the pointer.
  "img-src 'self' data: blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Whether a browser asks to show a page; a program asks for data. */
export const wantsPage = ({ headers }: FastifyRequest): boolean =>
  /\btext\/html\b/.test(headers.accept ?? '');

/** Sends the page itself. The hook of its route sets the policy after that of all answers. */
export const sendPage = (request: FastifyRequest, reply: FastifyReply) =>
  sendFrom(request, reply, page, 'page.html');

export async function pagePolicy(request: FastifyRequest, reply: FastifyReply, payload: unknown) {
  if (wantsPage(request)) reply.header('content-security-policy', policy);
  return payload;
}

async function sendFrom(request: FastifyRequest, reply: FastifyReply, root: string, file: string) {
  const { statusCode, headers, stream } = await send(request.raw, file, {
    root,
    dotfiles: 'deny',
    acceptRanges: false,
    cacheControl: false,
  });
  if (statusCode >= 400) throw new AppError('not_found', 'There is no such file of the page.');
  return reply.code(statusCode).headers(headers).header('cache-control', 'no-cache').send(stream);
}

/** The files that the page loads. */
export function pageRoutes(app: FastifyInstance): void {
  app.get<{ Params: { '*': string } }>('/access/page/*', (request, reply) => {
    const path = request.params['*'];
    const [name, ...rest] = path.split('/');
    if (!shown.test(path) || !isFolder(name))
      throw new AppError('not_found', 'There is no such file of the page.');
    return sendFrom(request, reply, folders[name], rest.join('/'));
  });
}

const isFolder = (name: string | undefined): name is keyof typeof folders =>
  name !== undefined && Object.hasOwn(folders, name);
