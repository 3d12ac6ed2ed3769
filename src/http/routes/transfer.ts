// Exports and imports of images, between the wire and the application.

import {
  imageExport,
  imageImport,
  transferContent,
  transferDelete,
  transferFinish,
  transferGet,
  transferList,
} from '../../app/transfer.ts';
import { transferPart, transferPartWrite } from '../../app/transfer-part.ts';
import type { Answer } from '../../contract/table.ts';
import { fileEnding, type Transfer } from '../../domain/transfer.ts';
import { dateTime, FileAnswer, type Handlers, type Stages } from '../handler.ts';
import { presentImage } from './image.ts';

const presentTransfer = (transfer: Transfer): Answer<'transferGet'> => ({
  id: transfer.id,
  type: 'transfer',
  attributes: {
    id: transfer.id,
    kind: transfer.kind,
    format: transfer.format,
    image_id: transfer.imageId,
    name: transfer.name,
    status: transfer.status,
    status_reason: transfer.statusReason,
    size_bytes: transfer.bytes,
    received_bytes: transfer.receivedBytes,
    sha256: transfer.sha256,
    manifest: transfer.manifest,
    signature: transfer.signature,
    attestation: transfer.attestation,
    created_at: dateTime(transfer.createdAt),
    expires_at: dateTime(transfer.expiresAt),
  },
});

/** The place that a cursor names. */
function placeIn(cursor: string | undefined) {
  const [, createdAt, id] = /^(\d+)-(.+)$/.exec(cursor ?? '') ?? [];
  return id === undefined ? undefined : { createdAt: Number(createdAt), id: id as Transfer['id'] };
}

export const transferHandlers: Handlers<
  | 'imageExport'
  | 'imageImport'
  | 'transferList'
  | 'transferGet'
  | 'transferPart'
  | 'transferFinish'
  | 'transferDelete'
  | 'transferContent'
> = {
  imageExport: async (context, { params, body }) =>
    presentTransfer(await imageExport(context, params.id, body)),
  imageImport: async (context, { body }) =>
    presentTransfer(
      await imageImport(context, {
        name: body.name,
        bytes: body.size_bytes,
        sha256: body.sha256,
        manifest: body.manifest,
        signature: body.signature,
      }),
    ),
  async transferList(context, { query: { per_page: perPage = 20, before } }) {
    const found = await transferList(context, { perPage, before: placeIn(before) });
    const last = found.transfers.at(-1);
    return {
      transfers: found.transfers.map(presentTransfer),
      count: found.count,
      next_before: found.more && last ? `${last.createdAt}-${last.id}` : null,
    };
  },
  transferGet: async (context, { params }) =>
    presentTransfer(await transferGet(context, params.id)),
  transferPart: async (context, { params, content }) =>
    presentTransfer(await transferPart(context, params.id, params.offset, content)),
  transferFinish: async (context, { params, body }) =>
    presentImage(
      await transferFinish(context, params.id, {
        healImageId: body.heal_image_id,
        disk: body.disk,
        bootCheck: body.boot_check,
        firmware: body.firmware,
        tpm: body.tpm,
      }),
    ),
  async transferDelete(context, { params }) {
    await transferDelete(context, params.id);
    return {};
  },
  async transferContent(context, { params }) {
    const { transfer, content } = await transferContent(context, params.id);
    return new FileAnswer(content, `${transfer.name}${fileEnding(transfer)}`);
  },
};

export const transferStages: Stages = {
  transferPart: {
    turn: ({ params }) => params.id,
    run: (context, { params, content }) =>
      transferPartWrite(context, params.id, params.offset, content),
  },
};
