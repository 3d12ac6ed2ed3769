// Queries on the differences of files.

import type { FileDifferenceRow } from '../../domain/file-difference.ts';
import type {
  FileDifferenceReader,
  FileDifferenceWriter,
  FilePair,
} from '../port/file-difference.ts';
import { Queries } from './scope.ts';

export class SqlFileDifferenceReader extends Queries implements FileDifferenceReader {
  find({ fromLayerId, toLayerId }: FilePair): Promise<FileDifferenceRow | undefined> {
    return this.db
      .selectFrom('fileDifference')
      .where('fromLayerId', '=', fromLayerId)
      .where('toLayerId', '=', toLayerId)
      .selectAll()
      .executeTakeFirst();
  }

  wanted(limit: number): Promise<FilePair[]> {
    return this.db
      .selectFrom('fileDifference')
      .innerJoin('layer as before', 'before.id', 'fileDifference.fromLayerId')
      .innerJoin('layer as after', 'after.id', 'fileDifference.toLayerId')
      .where('fileDifference.state', '=', 'wanted')
      .where('before.state', '=', 'sealed')
      .where('before.jobId', 'is', null)
      .where('after.state', '=', 'sealed')
      .where('after.jobId', 'is', null)
      .orderBy('fileDifference.attempts')
      .orderBy('fileDifference.askedAt')
      .limit(limit)
      .select(['fileDifference.fromLayerId', 'fileDifference.toLayerId'])
      .execute();
  }
}

export class SqlFileDifferenceWriter
  extends SqlFileDifferenceReader
  implements FileDifferenceWriter
{
  async want(pair: FilePair, keptMax: number): Promise<void> {
    const known = await this.find(pair);
    const { fromLayerId, toLayerId } = pair;
    const row = { state: 'wanted', reason: null, attempts: 0, content: null } as const;
    const askedAt = this.now();
    if (known === undefined)
      await this.db
        .insertInto('fileDifference')
        .values({ fromLayerId, toLayerId, ...row, askedAt })
        .onConflict((conflict) => conflict.columns(['fromLayerId', 'toLayerId']).doNothing())
        .execute();
    else if (known.state === 'unread') await this.update(pair, row);
    const [oldest] = await this.db
      .selectFrom('fileDifference')
      .orderBy('askedAt', 'desc')
      .offset(keptMax - 1)
      .limit(1)
      .select('askedAt')
      .execute();
    if (oldest)
      await this.db.deleteFrom('fileDifference').where('askedAt', '<', oldest.askedAt).execute();
  }

  async update(
    { fromLayerId, toLayerId }: FilePair,
    change: Partial<Pick<FileDifferenceRow, 'state' | 'reason' | 'attempts' | 'content'>>,
  ): Promise<void> {
    await this.db
      .updateTable('fileDifference')
      .set(change)
      .where('fromLayerId', '=', fromLayerId)
      .where('toLayerId', '=', toLayerId)
      .execute();
  }
}
