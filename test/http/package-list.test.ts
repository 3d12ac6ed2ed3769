// Lists of the packages inside images: when they are read, what comes of a reading that fails, and
// the documents that are made of them.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { Ajv } from 'ajv';
import { failedForGood, failedForNow } from '../../src/domain/error.ts';
import { type InstalledPackage, packageListOf } from '../../src/domain/package-list.ts';
import type { Packages } from '../../src/engine/optional/packages.ts';
import type { Engine } from '../../src/engine/port/engine.ts';
import { waitFor } from '../support.ts';
import { startHarness } from './harness.ts';
import { settled } from './settled.ts';

const deb = (name: string, version: string): InstalledPackage => ({
  kind: 'deb',
  name,
  version,
  architecture: 'amd64',
  source: null,
  licence: null,
});

/** An engine that lists packages in another way. */
const listing =
  (list: Packages['list']) =>
  (engine: Engine): Engine => ({
    ...engine,
    packages: { list, compareFiles: async () => ({ changes: [], notes: [] }) },
  });

type Settled = Awaited<ReturnType<typeof settled>>;
const read = ({ h }: Settled) => h.service.reconciler.task('listPackages');

/** Checks a document against the schema of CycloneDX 1.6, as its project publishes it. */
function cyclonedxFaults(document: unknown): unknown {
  const schema = (name: string) =>
    JSON.parse(
      readFileSync(
        new URL(
          `../../node_modules/@cyclonedx/cyclonedx-library/res/schema/${name}.SNAPSHOT.schema.json`,
          import.meta.url,
        ),
        'utf8',
      ),
    );
  const ajv = new Ajv({ strict: false, validateFormats: false });
  for (const name of ['spdx', 'jsf-0.82'])
    ajv.addSchema(schema(name), `http://cyclonedx.org/schema/${name}.SNAPSHOT.schema.json`);
  const validate = ajv.compile(schema('bom-1.6'));
  return validate(document) ? null : validate.errors;
}

describe('the list of packages of an image', () => {
  it('is read by itself once the image is made, also of its base', async (t) => {
    const h = await startHarness(t);
    const { body } = await h.call('imageInstall', { body: { software_ids: [h.editor.id] } });
    const params = { id: body.id };
    await h.imageSettled(body.id);
    const list = await waitFor('the list is read', async () => {
      const { attributes } = (await h.call('imagePackages', { params })).body;
      return attributes.state === 'listed' && attributes;
    });
    assert.deepEqual([list.count, list.packages.length, list.system.id], [2, 2, 'simulated']);
    const answer = await waitFor('the list of the base is read', async () => {
      const found = await h.call('imageDiff', { params });
      return found.status === 200 && found.body.attributes;
    });
    assert.deepEqual([answer.from, answer.added.length, answer.removed], ['Base', 1, []]);
  });

  it('is wanted until it is read; documents and differences are refused till then', async (t) => {
    const s = await settled(t);
    const image = await s.install([s.h.editor.id]);
    const { state, packages } = (await s.does('imagePackages', image)).attributes;
    assert.deepEqual([state, packages], ['wanted', []]);
    for (const name of ['imageSbom', 'imageDiff'] as const) {
      const { status, body } = await s.h.call(name, { params: { id: image } });
      assert.deepEqual([status, /being listed; ask again/.test(body.message)], [409, true]);
    }
    await read(s);
    assert.equal((await s.does('imagePackages', image)).attributes.state, 'listed');
  });

  it('that cannot be read says why, leaves the image as it is, and is read again when asked', async (t) => {
    let fault: Error | null = failedForGood('not read: its disk holds btrfs');
    const s = await settled(t, {
      wrapEngine: listing(async () => {
        if (fault) throw fault;
        return packageListOf(null, [deb('bash', '5')]);
      }),
    });
    const image = await s.install([]);
    await read(s);
    const { state, reason } = (await s.does('imagePackages', image)).attributes;
    assert.deepEqual([state, reason], ['unread', 'not read: its disk holds btrfs']);
    assert.equal((await s.does('imageGet', image)).attributes.status, 'available');
    const { message } = await s.does('imageSbom', image);
    assert.match(message, /holds btrfs.*image packages \d+ --again/);
    fault = null;
    await read(s);
    assert.equal((await s.does('imagePackages', image)).attributes.state, 'unread');
    assert.equal((await s.does('imagePackagesRead', image)).attributes.state, 'wanted');
    await read(s);
    assert.equal((await s.does('imagePackages', image)).attributes.packages[0].name, 'bash');
  });

  it('is tried again a few times when the reason may pass, and not for ever', async (t) => {
    let tries = 0;
    const s = await settled(t, {
      wrapEngine: listing(async () => {
        tries++;
        throw failedForNow('not read in time');
      }),
    });
    const image = await s.install([]);
    for (let each = 0; each < 8; each++) await read(s);
    // The base and the image stand on the same layer.
    assert.equal(tries, 5);
    const { state, reason } = (await s.does('imagePackages', image)).attributes;
    assert.deepEqual([state, reason], ['unread', 'not read in time']);
  });

  it('is refused by an engine that reads no disks, with the reason', async (t) => {
    const s = await settled(t, {
      wrapEngine: ({ packages: _, ...engine }: Engine) => engine,
    });
    const image = await s.install([]);
    await read(s);
    const { state, reason } = (await s.does('imagePackages', image)).attributes;
    assert.equal(state, 'unread');
    assert.match(reason, /reads no disks of images/);
  });

  it('is read once for all images on the same layer, and goes with the layer', async (t) => {
    let reads = 0;
    const s = await settled(t, {
      wrapEngine: listing(async () => {
        reads++;
        return packageListOf(null, []);
      }),
      settings: { keepImageMs: 0, cacheBytesMax: 0 },
    });
    const images = [await s.install([s.h.editor.id]), await s.install([s.h.editor.id])];
    await read(s);
    assert.equal(reads, 2, 'of the base, and of the layer of both images');
    const head = await s.headOf(images[0] ?? 0);
    for (const image of images) await s.does('imageDelete', image);
    for (const _ of [1, 2, 3]) await s.h.service.reconciler.task('collect');
    const left = await s.h.store.read('system', (work) => work.packageLists.find(head));
    assert.equal(left, undefined);
  });

  it('of another organisation, or of an image that is not made, is refused', async (t) => {
    const s = await settled(t);
    const { body } = await s.h.call('imageInstall');
    const early = await s.h.call('imagePackages', { params: { id: body.id } });
    assert.deepEqual([early.status, early.body.client_code], [400, 4210]);
    await s.settle();
    await read(s);
    for (const name of ['imagePackages', 'imagePackagesRead', 'imageSbom', 'imageDiff'] as const) {
      const foreign = await s.h.call(name, { params: { id: body.id } }, s.h.keys.theirs);
      assert.equal(foreign.status, 404, name);
    }
    const theirs = (await s.h.call('imageInstall', {}, s.h.keys.theirs)).body.id;
    await s.settle();
    const query = `?from=${theirs}`;
    assert.equal((await s.h.call('imageDiff', { params: { id: body.id }, query })).status, 404);
  });
});

describe('a document of the packages of an image', () => {
  const odd = packageListOf(
    { id: 'debian', version: '12', title: 'Debian "12"' },
    [
      deb('libstdc++6', '12.2.0-14'),
      { ...deb('dnf', '1:4.1-2.fc40'), kind: 'rpm', source: 'dnf-src', licence: 'GPL "2"' },
      { ...deb('musl', '1.2-r0'), kind: 'apk', architecture: null },
    ],
    ['a note'],
  );

  it('in the form CycloneDX is valid by its schema, with the names that scanners look up', async (t) => {
    const s = await settled(t, { wrapEngine: listing(async () => odd) });
    const image = await s.install([]);
    await read(s);
    const { attributes } = await s.does('imageSbom', image);
    assert.match(attributes.media_type, /vnd.cyclonedx/);
    const document = JSON.parse(attributes.document);
    assert.equal(cyclonedxFaults(document), null);
    assert.deepEqual([document.bomFormat, document.specVersion], ['CycloneDX', '1.6']);
    assert.deepEqual(
      document.components.map(({ purl }: { purl: string }) => purl),
      [
        'pkg:apk/debian/musl@1.2-r0?distro=debian-12',
        'pkg:deb/debian/libstdc%2B%2B6@12.2.0-14?arch=amd64&distro=debian-12',
        'pkg:rpm/debian/dnf@4.1-2.fc40?arch=amd64&distro=debian-12&epoch=1&upstream=dnf-src',
      ],
    );
    const again = (await s.does('imageSbom', image)).attributes;
    assert.equal(again.document, attributes.document, 'the same list gives the same document');
  });

  it('in the form SPDX names the image, and each package with a relationship', async (t) => {
    const s = await settled(t, { wrapEngine: listing(async () => odd) });
    const image = await s.install([]);
    await read(s);
    const query = '?format=spdx';
    const { body } = await s.h.call('imageSbom', { params: { id: image }, query });
    const document = JSON.parse(body.attributes.document);
    assert.equal(document.spdxVersion, 'SPDX-2.3');
    assert.match(document.creationInfo.created, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    const ids = document.packages.map(({ SPDXID }: { SPDXID: string }) => SPDXID);
    assert.equal(new Set(ids).size, 4);
    for (const id of ids)
      assert.ok(
        document.relationships.some((one: Record<string, string>) => one.relatedSpdxElement === id),
      );
    const fields = ['SPDXID', 'name', 'downloadLocation'];
    for (const one of document.packages) for (const field of fields) assert.ok(one[field]);
    assert.equal(document.comment, 'a note');
  });

  it('of the longest list is made while others are answered', async (t) => {
    const many = Array.from({ length: 20_000 }, (_, index) =>
      deb(`package-${index}`, `1.${index}`),
    );
    const list = packageListOf(null, many);
    const s = await settled(t, { wrapEngine: listing(async () => list) });
    const image = await s.install([]);
    await read(s);
    for (const format of ['cyclonedx', 'spdx']) {
      const query = `?format=${format}`;
      const { body } = await s.h.call('imageSbom', { params: { id: image }, query });
      const document = JSON.parse(body.attributes.document);
      assert.ok((document.components ?? document.packages).length >= 20_000);
    }
  });
});

describe('the difference of two images', () => {
  it('is what was added, removed, and brought to another version', async (t) => {
    const lists = new Map<string, InstalledPackage[]>();
    const s = await settled(t, {
      wrapEngine: listing(async ({ chain }) =>
        packageListOf(null, lists.get(chain[0] ?? '') ?? []),
      ),
    });
    const [one, other] = [await s.install([s.h.editor.id]), await s.install([s.h.browser.id])];
    lists.set(await s.headOf(one), [deb('bash', '5.1'), deb('old', '1')]);
    lists.set(await s.headOf(other), [deb('bash', '5.2'), deb('new', '1')]);
    await read(s);
    const query = `?from=${one}`;
    const { body } = await s.h.call('imageDiff', { params: { id: other }, query });
    const { added, removed, changed } = body.attributes;
    const names = (list: { name: string }[]) => list.map(({ name }) => name);
    assert.deepEqual([names(added), names(removed)], [['new'], ['old']]);
    assert.deepEqual(
      changed.map(({ name, from, to }: Record<string, string>) => [name, from, to]),
      [['bash', '5.1', '5.2']],
    );
  });
});
