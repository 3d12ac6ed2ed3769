// The layers of an image, between the wire and the application.

import { imageDependents, imageStorage } from '../../app/layer.ts';
import { shownLayer } from '../../domain/layer.ts';
import { dateOrNull, type Handlers } from '../handler.ts';

export const layerHandlers: Handlers<'imageStorage' | 'imageDependents'> = {
  async imageStorage(context, { params }) {
    const storage = await imageStorage(context, params.id);
    return {
      virtual_bytes: storage.virtualBytes,
      stored_bytes: storage.storedBytes,
      exclusive_bytes: storage.exclusiveBytes,
      shared_bytes: storage.storedBytes - storage.exclusiveBytes,
      layers: storage.chain.map(shownLayer).map((layer) => ({
        id: layer.id,
        kind: layer.kind,
        state: layer.state,
        stored_bytes: layer.storedBytes,
        digest: layer.digest,
        verified_at: dateOrNull(layer.verifiedAt),
      })),
    };
  },
  async imageDependents(context, { params }) {
    const { machines, images, keptDisks, freedBytes } = await imageDependents(context, params.id);
    return {
      machines: machines.map(({ machine: { id, name }, assigned, disk }) => ({
        id,
        name,
        assigned,
        disk,
      })),
      images: images.map(({ id, name }) => ({ id, name })),
      kept_disks: keptDisks.length,
      freed_bytes: freedBytes,
    };
  },
};
