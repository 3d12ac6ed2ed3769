// Queries on the installation.

import type { Installation } from '../../domain/installation.ts';
import type { InstallationReader, InstallationWriter } from '../port/installation.ts';
import { Queries } from './scope.ts';

export class SqlInstallationReader extends Queries implements InstallationReader {
  find(): Promise<Installation | undefined> {
    return this.db
      .selectFrom('installation')
      .select(['id', 'engine', 'masterKeyCheck', 'signingKeyId', 'transfersId'])
      .executeTakeFirst();
  }
}

export class SqlInstallationWriter extends SqlInstallationReader implements InstallationWriter {
  async ensure(installation: Installation): Promise<Installation> {
    await this.db
      .insertInto('installation')
      .values({ one: 1, ...installation, createdAt: this.now() })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    return (await this.find()) ?? installation;
  }

  async update(
    change: Partial<Pick<Installation, 'masterKeyCheck' | 'transfersId'>>,
  ): Promise<void> {
    await this.db.updateTable('installation').set(change).execute();
  }
}
