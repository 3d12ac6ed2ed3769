// Queries on layer copies.

import { sql } from 'kysely';
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
    return this.#settled()
      .where('digest', 'is', null)
      .orderBy('layer.createdAt')
      .orderBy('layer.id')
      .execute();
  }

  quarantined(): Promise<LayerCopy[]> {
    return this.db
      .selectFrom('layerCopy')
      .innerJoin('layer', 'layer.id', 'layerCopy.layerId')
      .where('layer.state', '=', 'sealed')
      .where(sql<boolean>`layer_copy.state = 'quarantined'`)
      .selectAll('layerCopy')
      .execute();
  }

  /** Two queries, since no index has the times of both tables. */
  async nextToScrub(before: number): Promise<LayerCopy | undefined> {
    const digested = this.#settled().where('digest', 'is not', null).limit(1);
    const verified = await digested
      .where('verifiedAt', '<', before)
      .orderBy('verifiedAt')
      .executeTakeFirst();
    const never = await digested
      .where('verifiedAt', 'is', null)
      .where('createdAt', '<', before)
      .select('createdAt')
      .orderBy('createdAt')
      .executeTakeFirst();
    if (never === undefined) return verified;
    const { createdAt, ...copy } = never;
    return createdAt <= (verified?.verifiedAt ?? Infinity) ? copy : verified;
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
