// The command line prints foreign texts safely. Here a server answers with names, reasons and logs
// that hold commands for a terminal.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { main } from '../../src/bin/main.ts';
import type { Terminal } from '../../src/cli/output.ts';
import { defer } from '../support.ts';

const evil = 'x\x1b]0;owned\x07\x1b[31m\x9b2J\u202egpj.exe\u2066\x7f\rover';
const image = {
  ...{
    id: 1,
    name: evil,
    status: 'failed',
    status_reason: evil,
    size: 1,
    source: 'seat',
    base_image_id: 1,
  },
  ...{
    base_image_name: evil,
    softwares: [{ id: 1, type: 'software', attributes: { id: 1, name: evil, size: 1 } }],
  },
  ...{ created_at: evil, updated_at: evil, progress: null, phase: evil, protected: false },
};
const machine = {
  id: 1,
  name: evil,
  friendly_status: evil,
  status_reason: evil,
  disk_size: 1,
  attributes: {},
};
const step = { position: 1, name: evil, cache: 'miss', exit_code: 3, duration_ms: 1, output: evil };
/** An answer to every request: it has the fields of all of them. */
const answer = {
  ...{
    id: '1',
    type: 'x',
    attributes: { ...image, ...machine },
    count: 1,
    page: 1,
    next_page: null,
  },
  ...{
    images: [{ id: '1', type: 'image', attributes: image }],
    machines: [{ id: '1', attributes: machine }],
  },
  ...{
    software: [{ id: 1, name: evil, size: 1, attributes: { id: 1, name: evil, size: 1 } }],
    base_images: [],
  },
  ...{ steps: [step], report: evil, client_code: 200, message: 'OK', timestamp: '' },
};

describe('the command line', () => {
  for (const words of [
    ...[
      'image list',
      'image show 1',
      'image show 1 --log',
      'machine list',
      'machine show 1',
      'software list',
    ],
    ...['image list --json', 'image show 1 --log --json', 'image show nobody', 'nonsense'],
  ])
    it(`shows texts of others without their terminal commands: ${words}`, async (t) => {
      for (const refuses of [false, true]) {
        const server = createServer((_request, response) => {
          response.writeHead(refuses ? 400 : 200, { 'content-type': 'application/json' });
          response.end(
            JSON.stringify(refuses ? { ...answer, client_code: 400, message: evil } : answer),
          );
        });
        await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
        defer(t, () => server.close());
        let said = '';
        const take = (text: string) => {
          said += `${text}\n`;
        };
        const terminal: Terminal = { out: take, err: take, interactive: false, exitCode: 0 };
        const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
        const env = {
          SILVERSMITH_URL: url,
          SILVERSMITH_KEY: 'a-key-of-test',
          SILVERSMITH_SECRET: 'secret',
        };
        await main(
          ['node', 'silversmith', ...words.split(' '), ...(words === 'nonsense' ? [evil] : [])],
          terminal,
          env,
        );
        assert.notEqual(said, '');
        if (refuses && words !== 'nonsense') assert.match(said, /\\u001b\]0;owned/);
        assert.doesNotMatch(said, /(?![\n\t])\p{Cc}|[\u202a-\u202e\u2066-\u2069]/u);
      }
    });
});
