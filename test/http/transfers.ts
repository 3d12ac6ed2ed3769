// A settled stack for tests of exports and imports.

import { pathPrefix } from '../../src/contract/envelope.ts';
import { settled } from './settled.ts';

export async function transfers(...given: Parameters<typeof settled>) {
  const { h, install, settle } = await settled(...given);
  const exported = async (id: number, format = 'qcow2') => {
    const { body } = await h.call('imageExport', { params: { id }, body: { format } });
    await settle();
    const { attributes } = (await h.call('transferGet', { params: { id: body.id } })).body;
    return attributes;
  };
  const content = (id: string, range?: string) =>
    h.sendRaw({
      method: 'GET',
      path: `${pathPrefix}/transfers/${id}/content`,
      headers: range ? { range } : {},
    });
  const part = (id: string, offset: number, bytes: string) =>
    h.send({
      method: 'POST',
      path: `${pathPrefix}/transfers/${id}/parts/${offset}`,
      body: bytes,
      headers: { 'content-type': 'application/octet-stream' },
    });
  /** Opens an upload and sends all its bytes. */
  const imported = async (bytes: string, more: object = {}) => {
    const { body } = await h.call('imageImport', { body: { size_bytes: bytes.length, ...more } });
    if (body.client_code !== 200) return body;
    await part(body.id, 0, bytes);
    return body;
  };
  const finish = async (id: string, body?: object) => {
    const answer = await h.call('transferFinish', { params: { id }, body });
    await settle();
    return answer.body;
  };
  const image = async (id: number) =>
    (await h.call('imageGet', { params: { id } })).body.attributes;
  return { h, install, exported, content, part, imported, finish, image };
}
