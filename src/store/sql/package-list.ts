// Queries on the lists of packages.

import type { LayerId } from '../../domain/ids.ts';
import type { PackageListRow } from '../../domain/package-list.ts';
import type { PackageListReader, PackageListWriter } from '../port/package-list.ts';
import { Queries } from './scope.ts';

const wanted = {
  state: 'wanted',
  reason: null,
  attempts: 0,
  packages: null,
  listedAt: null,
  content: null,
} as const;

export class SqlPackageListReader extends Queries implements PackageListReader {
  find(layerId: LayerId): Promise<PackageListRow | undefined> {
    return this.db
      .selectFrom('packageList')
      .where('layerId', '=', layerId)
      .selectAll()
      .executeTakeFirst();
  }

  async wanted(limit: number): Promise<LayerId[]> {
    const rows = await this.db
      .selectFrom('packageList')
      .innerJoin('layer', 'layer.id', 'packageList.layerId')
      .where('packageList.state', '=', 'wanted')
      .where('layer.state', '=', 'sealed')
      .where('layer.jobId', 'is', null)
      .orderBy('packageList.attempts')
      .orderBy('layer.createdAt')
      .limit(limit)
      .select('packageList.layerId')
      .execute();
    return rows.map(({ layerId }) => layerId);
  }
}

export class SqlPackageListWriter extends SqlPackageListReader implements PackageListWriter {
  async want(layerId: LayerId): Promise<void> {
    await this.db
      .insertInto('packageList')
      .values({ layerId, ...wanted })
      .onConflict((conflict) => conflict.column('layerId').doNothing())
      .execute();
  }

  async wantAgain(layerId: LayerId): Promise<void> {
    await this.db
      .insertInto('packageList')
      .values({ layerId, ...wanted })
      .onConflict((conflict) => conflict.column('layerId').doUpdateSet(wanted))
      .execute();
  }

  async update(
    layerId: LayerId,
    change: Partial<Omit<PackageListRow, 'layerId' | 'listedAt'>>,
  ): Promise<void> {
    const isOver = change.state !== undefined && change.state !== 'wanted';
    await this.db
      .updateTable('packageList')
      .set({ ...change, ...(isOver && { listedAt: this.now() }) })
      .where('layerId', '=', layerId)
      .execute();
  }
}
