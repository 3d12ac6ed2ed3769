// The programs of newcomers: those of the client's README, and one in TypeScript that does the
// whole job. All are compiled or run with the package that they install.

import { readFileSync } from 'node:fs';

const readme = readFileSync(new URL('../../packages/client/README.md', import.meta.url), 'utf8');
const [main = '', events = '', errors = '', files = '', other = ''] = [
  ...readme.matchAll(/```[jt]s\n(.*?)```/gs),
].map(([, text]) => text);

export const readmePrograms = { main, events, errors, files, other };

export const typedProgram = `
import { ApiError, createClient, type ErrorCode, type Image, UnfinishedError } from 'silversmith-client';

const [url = '', key = '', secret = ''] = [process.env.URL, process.env.KEY, process.env.SECRET];
const client = createClient({ url, key, secret, timeoutMs: 10_000 });

const said = (image: Image): string => {
  const words: Record<Image['attributes']['status'], string> = {
    pending: 'waits', building: 'is made', available: 'can be assigned', failed: 'failed',
  };
  return image.attributes.name + ' ' + words[image.attributes.status];
};
// A closed union: a code that is misspelt, or none, is an error.
const isOver: ErrorCode[] = ['not_found', 'image_building'];
// @ts-expect-error: no code is called so
const wrong: ErrorCode = 'image_exploded';
// @ts-expect-error: an image has no such field
const unknown = (image: Image) => image.attributes.colour;
// @ts-expect-error: machine_ids are missing
const unfinished = () => client.imageAssign({ id: 1 });
const plain = createClient({ url, key, secret, extensions: false });
// @ts-expect-error: a server of the specification alone has no logs of images
const log = () => plain.imageLog({ id: 1 });

const { software } = await client.softwareList();
const title = software.find(({ name }) => name === 'htop') ?? software[0];
if (!title) throw new Error('there is no software');
const image = await client.waitFor(
  await client.imageInstall({ name: 'Typed', software_ids: [title.id] }, { signal: AbortSignal.timeout(60_000) }),
  { onProgress: ({ attributes: { progress } }) => void progress.toFixed(2) },
);
console.log(said(image));
for await (const { attributes: { id } } of client.machines({ status: 'off' })) {
  await client.imageAssign({ id: image.attributes.id, machine_ids: [id] });
  await client.machineStart({ id });
  const machine = await client.waitFor({ type: 'machine', attributes: { id } }, { until: 'ready' });
  console.log(machine.attributes.friendly_status, machine.attributes.assigned_image_name);
  break;
}
try {
  await client.imageGet({ id: 999_999 });
} catch (error) {
  if (error instanceof ApiError && isOver.includes(error.code)) console.log(error.code);
  else if (error instanceof UnfinishedError) console.log(error.why);
  else throw error;
}
export { log, unfinished, unknown, wrong };
`;
