// Queries on transfers.

import { sql } from 'kysely';
import { notFound } from '../../domain/error.ts';
import type { TransferId } from '../../domain/ids.ts';
import type { Transfer } from '../../domain/transfer.ts';
import type { PageFound } from '../port/page.ts';
import type {
  TransferChange,
  TransferPlace,
  TransferReader,
  TransferWriter,
} from '../port/transfer.ts';
import { Queries } from './scope.ts';

export class SqlTransferReader extends Queries implements TransferReader {
  #all() {
    return this.within(this.db.selectFrom('transfer'));
  }

  find(id: TransferId): Promise<Transfer | undefined> {
    return this.#all()
      .where('deletedAt', 'is', null)
      .where('id', '=', id)
      .selectAll()
      .executeTakeFirst();
  }

  async get(id: TransferId): Promise<Transfer> {
    const transfer = await this.find(id);
    if (!transfer) throw notFound('transfer', id);
    return transfer;
  }

  list(): Promise<Transfer[]> {
    return this.#all()
      .where('deletedAt', 'is', null)
      .selectAll()
      .orderBy('createdAt', 'desc')
      .orderBy('id')
      .execute();
  }

  async page({
    perPage,
    before,
  }: {
    perPage: number;
    before?: TransferPlace | undefined;
  }): Promise<{ transfers: Transfer[] } & PageFound> {
    const live = this.#all().where('deletedAt', 'is', null);
    const following = before
      ? live.where(sql<boolean>`(created_at, id) < (${before.createdAt}, ${before.id})`)
      : live;
    const found = await following
      .selectAll()
      .orderBy('createdAt', 'desc')
      .orderBy('id', 'desc')
      .limit(perPage + 1)
      .execute();
    const { count } = await live
      .select((e) => e.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    const more = found.length > perPage;
    return { transfers: found.slice(0, perPage), count: Number(count), more };
  }

  async deleted(): Promise<TransferId[]> {
    const rows = await this.#all()
      .where('deletedAt', 'is not', null)
      .select('id')
      .orderBy('id')
      .execute();
    return rows.map(({ id }) => id);
  }
}

export class SqlTransferWriter extends SqlTransferReader implements TransferWriter {
  async add(transfer: Omit<Transfer, 'createdAt' | 'statusReason'>): Promise<Transfer> {
    this.assertOwn(transfer);
    const row = { ...transfer, statusReason: null, createdAt: this.now() };
    await this.db
      .insertInto('transfer')
      .values({ ...row, deletedAt: null })
      .execute();
    return row;
  }

  async update(id: TransferId, change: TransferChange): Promise<void> {
    await this.within(this.db.updateTable('transfer')).set(change).where('id', '=', id).execute();
  }

  async delete(id: TransferId): Promise<void> {
    await this.within(this.db.updateTable('transfer'))
      .set({ deletedAt: this.now() })
      .where('id', '=', id)
      .execute();
  }

  async remove(id: TransferId): Promise<void> {
    await this.within(this.db.deleteFrom('transfer')).where('id', '=', id).execute();
  }
}
