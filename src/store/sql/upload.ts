// Queries on the uploads of operators.

import { AppError } from '../../domain/error.ts';
import type { UploadId } from '../../domain/ids.ts';
import type { Upload } from '../../domain/upload.ts';
import type { UploadReader, UploadWriter } from '../port/upload.ts';
import { Queries } from './scope.ts';

export class SqlUploadReader extends Queries implements UploadReader {
  find(id: UploadId): Promise<Upload | undefined> {
    return this.db.selectFrom('operatorUpload').where('id', '=', id).selectAll().executeTakeFirst();
  }

  async get(id: UploadId): Promise<Upload> {
    const upload = await this.find(id);
    if (!upload)
      throw new AppError('not_found', `There is no upload ${id}; open it and send the file.`);
    return upload;
  }

  list(): Promise<Upload[]> {
    return this.db
      .selectFrom('operatorUpload')
      .selectAll()
      .orderBy('createdAt', 'desc')
      .orderBy('id')
      .execute();
  }
}

export class SqlUploadWriter extends SqlUploadReader implements UploadWriter {
  async add(upload: Pick<Upload, 'id' | 'bytes' | 'expiresAt'>): Promise<Upload> {
    const row = { ...upload, receivedBytes: 0, createdAt: this.now() };
    await this.db.insertInto('operatorUpload').values(row).execute();
    return row;
  }

  async update(
    id: UploadId,
    change: Partial<Pick<Upload, 'receivedBytes' | 'expiresAt'>>,
  ): Promise<void> {
    await this.db.updateTable('operatorUpload').set(change).where('id', '=', id).execute();
  }

  async remove(id: UploadId): Promise<void> {
    await this.db.deleteFrom('operatorUpload').where('id', '=', id).execute();
  }
}
