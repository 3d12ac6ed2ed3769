// Follows a standalone image, over the API and on real disks. It is imported and starts a machine;
// a generalised capture of that machine is exported, and starts a machine on another installation,
// which has none of its bases.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { download, upload } from '../../src/client/transfer.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { examine } from '../../src/reconcile/doctor.ts';
import { temporaryFolder, waitFor } from '../support.ts';
import { quickDisk } from './quick-base.ts';
import { restMs, startQuick } from './quick-server.ts';

type Server = Awaited<ReturnType<typeof startQuick>>;
interface Exported {
  bytes: Buffer;
  manifest: string;
  signature: string;
}

const options = (s: Server) => ({ url: s.url, ...s.key });

async function exported(s: Server, id: number): Promise<Exported> {
  const asked = await s.client.imageExport({ id });
  const { manifest, signature } = await waitFor(
    'the export is written',
    async () => {
      const { attributes } = await s.client.transferGet({ id: asked.id });
      assert.notEqual(attributes.status, 'failed', attributes.status_reason ?? '');
      return attributes.status === 'available' && attributes;
    },
    restMs,
  );
  const parts: Buffer[] = [];
  await download(
    s.client,
    options(s),
    asked.id,
    0,
    async (bytes) => void parts.push(Buffer.from(bytes)),
  );
  return { bytes: Buffer.concat(parts), manifest: manifest ?? '', signature: signature ?? '' };
}

async function imported(
  s: Server,
  bytes: Buffer,
  more: { manifest?: string; signature?: string } = {},
) {
  const { id } = await s.client.imageImport({ size_bytes: bytes.length, ...more });
  await upload(s.client, options(s), id, async (at, length) => bytes.subarray(at, at + length));
  return atRest(s, (await s.client.transferFinish({ id })).attributes.id);
}

const atRest = (s: Server, id: number) =>
  waitFor(
    `image ${id} is at rest`,
    async () => {
      const { attributes } = await s.client.imageGet({ id });
      return ['available', 'failed'].includes(attributes.status) && attributes;
    },
    restMs,
  );

/** Starts the machine on the image, checks that it is ready, and stops it. */
async function comesUp(s: Server, image: number): Promise<void> {
  await s.client.imageAssign({ id: image, machine_ids: [s.machine] });
  const on = await s.turn(true);
  assert.equal(on.friendly_status, 'ready', on.status_reason ?? '');
  assert.equal((await s.turn(false)).friendly_status, 'off');
}

const findings = (s: Server) => examine({ store: s.store, engine: s.engine, clock: systemClock });

describe('a standalone image', () => {
  it('is imported as qcow2 or raw, starts, is captured, and does so on another installation', async (t) => {
    const folder = await temporaryFolder(t);
    const raw = await quickDisk(folder);
    const qcow2 = join(folder, 'quick-disk.qcow2');
    execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', '-c', raw, qcow2]);
    const [here, there] = [await startQuick(t), await startQuick(t)];
    for (const file of [raw, qcow2]) {
      const image = await imported(here, await readFile(file));
      assert.equal(image.status, 'available', image.status_reason ?? '');
      await comesUp(here, image.id);
    }
    const captured = (
      await here.client.imageCapture({ machine_id: here.machine, generalize: true })
    ).attributes.id;
    const image = await atRest(here, captured);
    assert.equal(image.status, 'available', image.status_reason ?? '');
    const { bytes, manifest, signature } = await exported(here, captured);
    const { board, ...profile } = JSON.parse(manifest).boot;
    assert.deepEqual(profile, { mode: 'firmware', firmware: 'bios' });
    assert.match(board, /^pc-q35-/);
    const again = await imported(there, bytes, { manifest, signature });
    assert.equal(again.status, 'available', again.status_reason ?? '');
    await comesUp(there, again.id);
    assert.deepEqual([await findings(here), await findings(there)], [[], []]);
  });

  it('brings its own kernel to servers that trust its maker; other servers refuse it and say why', async (t) => {
    const here = await startQuick(t);
    const built = await here.build();
    assert.equal(built.status, 'available', built.status_reason ?? '');
    const { bytes, ...described } = await exported(here, built.id);
    assert.equal(JSON.parse(described.manifest).boot.mode, 'direct');

    const there = await startQuick(t, { baseMark: 1 });
    const strange = await imported(there, bytes, described);
    assert.equal(strange.status, 'failed');
    assert.match(
      strange.status_reason ?? '',
      /signed by nobody who is trusted here.*trusted\.keys/,
    );
    const bare = await imported(there, bytes);
    assert.equal(bare.status, 'failed');
    assert.match(bare.status_reason ?? '', /no boot loader: .*manifest/);

    const signing = join(here.dataDir, 'signing.key');
    const key = execFileSync('openssl', ['pkey', '-in', signing, '-pubout', '-outform', 'DER']);
    const dataDir = await temporaryFolder(t);
    await writeFile(join(dataDir, 'trusted.keys'), `${key.toString('base64')}\n`);
    const trusting = await startQuick(t, { dataDir, baseMark: 2 });
    const image = await imported(trusting, bytes, described);
    assert.equal(image.status, 'available', image.status_reason ?? '');
    await comesUp(trusting, image.id);
    const captured = (
      await trusting.client.imageCapture({ machine_id: trusting.machine, generalize: true })
    ).attributes;
    const general = await atRest(trusting, captured.id);
    assert.equal(general.status, 'available', general.status_reason ?? '');
    // The next export has the same boot mode.
    assert.equal(JSON.parse((await exported(trusting, captured.id)).manifest).boot.mode, 'direct');
    assert.deepEqual(await findings(trusting), []);
    const roots = await trusting.store.read('system', async (work) =>
      (await work.layers.list()).filter((layer) => layer.boot && layer.kind === 'capture'),
    );
    const [root] = roots;
    await rm(join(trusting.dataDir, 'engine', 'layers', `${root?.id}.initrd`));
    assert.deepEqual(
      (await findings(trusting)).map(({ found }) => found),
      ['starts no machine from the import on it: its initrd is missing on the disk of the host'],
    );
  });
});
