// One program for the client of each generator: it does the whole job with images. It is compiled
// against a client of the specification's document and against one of our own document, so it uses
// none of our extensions.

const url = 'http://127.0.0.1:8080/organization-management/v1';

/** The part that all programs share; `Image` and the names of its fields are the generator's. */
const shown = (created: string) => `
type Attributes = NonNullable<Image['attributes']>;
const words: Record<NonNullable<Attributes['status']>, string> = {
  pending: 'waits', building: 'is made', available: 'can be assigned', failed: 'failed',
};
const origins: Record<NonNullable<Attributes['source']>, string> = { pre_installation: 'built', seat: 'captured' };
function shown(image: Image): string {
  const { attributes } = image;
  if (!attributes?.status || !attributes.source) return 'nothing is known of image ' + image.id;
  const { name, size, status, source, ${created}: created, softwares } = attributes;
  const titles = (softwares ?? []).map((one) => one.attributes?.name + ' ' + one.attributes?.size?.toFixed(1));
  return [image.type, name, size?.toFixed(0) + ' GB', words[status], origins[source], created, ...titles].join(' ');
}
`;

export const programs = {
  'openapi-typescript': `
import createClient from 'openapi-fetch';
import { type components, type paths, deleteImagesId, getImages, postImages, postImagesIdAssign, postImagesInstall, ImageAttributesStatus, type CreateImageResponse, type GetImagesParams, type Image, type ListImagesResponse, type SuccessResponse, type PostImagesBody, type PostImagesIdAssignBody, type PostImagesInstallBody } from './client.ts';

type Image = components['schemas']['Image'];
${shown('created_at')}
const client = createClient<paths>({ baseUrl: '${url}' });

export async function main(): Promise<string> {
  const listed = await client.GET('/images', { params: { query: { page: 1, per_page: 20, q: 'office' } } });
  if (listed.error) throw new Error(listed.error.client_code + ': ' + listed.error.message);
  const page: components['schemas']['ListImagesResponse'] = listed.data;
  const next: number | null | undefined = page.next_page;
  const lines = (page.images ?? []).map(shown);
  const captured = await client.POST('/images', { body: { machine_id: 1, name: 'Office' } });
  const made: components['schemas']['CreateImageResponse'] | undefined = captured.data;
  const installed = await client.POST('/images/install', { body: { name: 'New', software_ids: [1, 2], base_image_id: 1 } });
  const id = Number(installed.data?.id ?? made?.attributes?.id);
  const path = { id };
  const assigned = await client.POST('/images/{id}/assign', { params: { path }, body: { machine_ids: [1, 2, 3] } });
  const ended: components['schemas']['SuccessResponse'] | undefined = assigned.data;
  const deleted = await client.DELETE('/images/{id}', { params: { path } });
  return [...lines, next, ended?.message, deleted.data?.timestamp, deleted.error?.client_code].join(', ');
}
`,
  'hey-api': `
import { client } from './client/client.gen.ts';
import { deleteImagesById, getImages, postImages, postImagesByIdAssign, postImagesInstall } from './client/sdk.gen.ts';
import type { CreateImageResponse, Image, ListImagesResponse, SuccessResponse } from './client/types.gen.ts';
${shown('created_at')}
client.setConfig({ baseUrl: '${url}' });

export async function main(): Promise<string> {
  const listed = await getImages({ query: { page: 1, per_page: 20, q: 'office' } });
  if (listed.error) throw new Error(listed.error.client_code + ': ' + listed.error.message);
  const page: ListImagesResponse = listed.data;
  const next: number | null | undefined = page.next_page;
  const lines = (page.images ?? []).map(shown);
  const captured = await postImages({ body: { machine_id: 1, name: 'Office' } });
  const made: CreateImageResponse | undefined = captured.data;
  const installed = await postImagesInstall({ body: { name: 'New', software_ids: [1, 2], base_image_id: 1 } });
  const path = { id: Number(installed.data?.id ?? made?.attributes?.id) };
  const assigned = await postImagesByIdAssign({ path, body: { machine_ids: [1, 2, 3] } });
  const ended: SuccessResponse | undefined = assigned.data;
  const deleted = await deleteImagesById({ path });
  return [...lines, next, ended?.message, deleted.data?.timestamp, deleted.error?.client_code].join(', ');
}
`,
  orval: `
${shown('created_at')}
export async function main(): Promise<string> {
  const query: GetImagesParams = { page: 1, per_page: 20, q: 'office' };
  const listed = await getImages(query);
  if (listed.status !== 200) throw new Error(listed.data.client_code + ': ' + listed.data.message);
  const page: ListImagesResponse = listed.data;
  const next: number | null | undefined = page.next_page;
  const lines = (page.images ?? []).filter((one) => one.attributes?.status === ImageAttributesStatus.available).map(shown);
  const capture: PostImagesBody = { machine_id: 1, name: 'Office' };
  const captured = await postImages(capture);
  const made: CreateImageResponse | undefined = captured.status === 200 ? captured.data : undefined;
  const install: PostImagesInstallBody = { name: 'New', software_ids: [1, 2], base_image_id: 1 };
  const installed = await postImagesInstall(install);
  const id = Number(installed.status === 200 ? installed.data.id : made?.attributes?.id);
  const assign: PostImagesIdAssignBody = { machine_ids: [1, 2, 3] };
  const assigned = await postImagesIdAssign(id, assign);
  const ended: SuccessResponse | undefined = assigned.status === 200 ? assigned.data : undefined;
  const deleted = await deleteImagesId(id);
  return [...lines, next, ended?.message, deleted.data.timestamp, deleted.data.client_code].join(', ');
}
`,
  'openapi-generator': `
import { Configuration, ImageAttributesStatusEnum, ImagesApi, type CreateImageResponse, type Image, type ListImagesResponse, type SuccessResponse } from './client/index';
${shown('createdAt')}
const api = new ImagesApi(new Configuration({ basePath: '${url}' }));

export async function main(): Promise<string> {
  const page: ListImagesResponse = await api.imagesGet({ page: 1, perPage: 20, q: 'office' });
  const next: number | null | undefined = page.nextPage;
  const ready = (page.images ?? []).filter((one) => one.attributes?.status === ImageAttributesStatusEnum.Available);
  const made: CreateImageResponse = await api.imagesPost({ inlineObject: { machineId: 1, name: 'Office' } });
  const install = { name: 'New', softwareIds: [1, 2], baseImageId: 1 };
  const installed = await api.imagesInstallPost({ inlineObject1: install });
  const id = Number(installed.id ?? made.attributes?.id);
  const assigned: SuccessResponse = await api.imagesIdAssignPost({ id, inlineObject2: { machineIds: [1, 2, 3] } });
  const deleted = await api.imagesIdDelete({ id });
  return [...ready.map(shown), next, assigned.message, deleted.timestamp?.toISOString(), deleted.clientCode].join(', ');
}
`,
} as const;

export type GeneratorName = keyof typeof programs;
