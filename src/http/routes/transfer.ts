// Exports and imports of images, between the wire and the application.

import {
  imageExport,
  imageImport,
  transferContent,
  transferDelete,
  transferFinish,
  transferGet,
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
    created_at: dateTime(transfer.createdAt),
    expires_at: dateTime(transfer.expiresAt),
  },
});

export const transferHandlers: Handlers<
  | 'imageExport'
  | 'imageImport'
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
