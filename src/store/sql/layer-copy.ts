// Queries on layer copies.

import type { LayerCopy, LayerCopyRef } from '../../domain/layer-copy.ts';
import type { LayerCopyChange, LayerCopyReader, LayerCopyWriter } from '../port/layer-copy.ts';
import { Queries } from './scope.ts';

export class SqlLayerCopyReader extends Queries implements LayerCopyReader {
  /** The sound copies of sealed layers that no job works on. */
  #settled() {
    return this.db
      .selectFrom('layerCopy')
      .innerJoin('layer', 'layer.id', 'layerCopy.layerId')
      .where('layer.state', '=', 'sealed')
      .where('layer.jobId', 'is', null)
      .where('layerCopy.state', '=', 'sound')
      .selectAll('layerCopy');
  }

  withoutDigest(): Promise<LayerCopy[]> {
    return this.#settled().where('digest', 'is', null).orderBy('layer.createdAt').execute();
  }

  nextToScrub(before: number): Promise<LayerCopy | undefined> {
    return this.#settled()
      .where('digest', 'is not', null)
      .where((e) => e(e.fn.coalesce('verifiedAt', 'createdAt'), '<', before))
      .orderBy((e) => e.fn.coalesce('verifiedAt', 'createdAt'))
      .limit(1)
      .executeTakeFirst();
  }
}

export class SqlLayerCopyWriter extends SqlLayerCopyReader implements LayerCopyWriter {
  async update({ layerId, place }: LayerCopyRef, change: LayerCopyChange): Promise<void> {
    await this.db
      .updateTable('layerCopy')
      .set(change)
      .where('layerId', '=', layerId)
      .where('place', '=', place)
      .execute();
  }
}
