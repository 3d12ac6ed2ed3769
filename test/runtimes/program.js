// A program that uses all of the client, in whichever runtime loads it. It returns what came of it.

import { ApiError, createClient } from 'silversmith-client';

/** A disk of one byte more than a part, and not a power of two. */
const diskBytes = 4 * 1024 * 1024 + 1;

export async function main({ url, key, secret, name }) {
  const client = createClient({ url, key, secret });
  const heard = client.events({ type: 'image.changed' });
  const first = heard.next();
  const { software } = await client.softwareList();
  const building = await client.imageInstall({ name, software_ids: [software[0].id] });
  const image = await client.waitFor(building);
  const event = (await first).value;
  await heard.return();
  let last;
  for await (const one of client.follow(image)) last = one;
  const names = [];
  for await (const { attributes } of client.images({ per_page: 1 })) names.push(attributes.name);

  const disk = new Blob([new Uint8Array(diskBytes).fill(7)]);
  const { id } = await client.imageImport({ name: `${name} disk`, size_bytes: diskBytes });
  const told = [];
  await client.upload(id, disk, { onBytes: (done) => told.push(done) });
  const transfer = await client.imageExport({ id: image.attributes.id });
  const { attributes: file } = await client.waitFor(transfer);
  let bytes = 0;
  for await (const piece of client.download(transfer.id)) bytes += piece.length;

  const refusal = await client.imageGet({ id: 999_999 }).catch((error) => error);
  const over = new AbortController();
  const stopped = client.softwareList({}, { signal: over.signal }).catch((error) => error);
  over.abort(new Error('enough'));
  return {
    isAvailable: image.attributes.status === 'available',
    heard: [event.type, event.subject.id === image.id, last.type, last.status],
    isListed: names.includes(name),
    isUploaded: told.at(-1) === diskBytes,
    isDownloaded: bytes > 0 && bytes === file.size_bytes,
    refusal: refusal instanceof ApiError ? [refusal.code, refusal.requestId !== null] : null,
    stopped: (await stopped).message,
  };
}
