// The store: everything that Silversmith has to remember, behind an interface that names no
// database. Each noun has a file beside this one; this file says how units of work are run.
//
// A unit of work belongs to a scope: one organisation, or the whole system. Where an organisation
// is the scope, rows of other organisations do not exist: they are not found, not listed, not
// counted and not changed; adding a row for another organisation throws a TypeError. The scope is
// applied by the store, so a caller cannot forget it.
//
// All times are ms since 1970. A method that says "throws not-found" throws an AppError with the
// code `not_found`. Beside the errors that a method names, every method may throw an AppError with
// the code `unavailable` (the store is busy, full, or its disk fails; `retry` is `later`) or
// `internal` (a rule of the schema was broken, which is a defect).

import type { OrganisationId } from '../../domain/ids.ts';
import type { AccessReader, AccessWriter } from './access.ts';
import type { AccountReader, AccountWriter } from './account.ts';
import type { AuditReader, AuditWriter } from './audit.ts';
import type { BaseReader, BaseWriter } from './base.ts';
import type { Counts } from './counts.ts';
import type { DiskReader, DiskWriter } from './disk.ts';
import type { EventReader, EventWriter } from './event.ts';
import type { FileDifferenceReader, FileDifferenceWriter } from './file-difference.ts';
import type { ForwardReader, ForwardWriter } from './forward.ts';
import type { HostReader, HostWriter } from './host.ts';
import type { IdempotencyReader, IdempotencyWriter } from './idempotency.ts';
import type { ImageReader, ImageWriter } from './image.ts';
import type { InstallationReader, InstallationWriter } from './installation.ts';
import type { IntakeReader, IntakeWriter } from './intake.ts';
import type { JobReader, JobWriter } from './job.ts';
import type { KeyReader, KeyWriter } from './key.ts';
import type { LayerReader, LayerWriter } from './layer.ts';
import type { LayerCopyReader, LayerCopyWriter } from './layer-copy.ts';
import type { MachineReader, MachineWriter } from './machine.ts';
import type { MachineTypeReader, MachineTypeWriter } from './machine-type.ts';
import type { OperatorAuditReader, OperatorAuditWriter } from './operator-audit.ts';
import type { OperatorKeyReader, OperatorKeyWriter } from './operator-key.ts';
import type { OrganisationReader, OrganisationWriter } from './organisation.ts';
import type { PackageListReader, PackageListWriter } from './package-list.ts';
import type { SharedSignatures, SignatureWriter } from './signature.ts';
import type { SoftwareReader, SoftwareWriter } from './software.ts';
import type { TemplateReader, TemplateWriter } from './template.ts';
import type { TransferReader, TransferWriter } from './transfer.ts';
import type { UploadReader, UploadWriter } from './upload.ts';
import type { UsageReader } from './usage.ts';
import type { WebhookReader, WebhookWriter } from './webhook.ts';

/**
 * The rows that a unit of work sees: those of one organisation, or all of them (for the reconciler
 * and for the operator's commands).
 */
export type Scope = OrganisationId | 'system';

/** Reads committed rows. It has no method that writes. */
export interface Reader {
  readonly images: ImageReader;
  readonly machines: MachineReader;
  readonly machineTypes: MachineTypeReader;
  readonly forwards: ForwardReader;
  readonly software: SoftwareReader;
  readonly bases: BaseReader;
  readonly layers: LayerReader;
  readonly layerCopies: LayerCopyReader;
  readonly packageLists: PackageListReader;
  readonly fileDifferences: FileDifferenceReader;
  readonly disks: DiskReader;
  readonly host: HostReader;
  readonly installation: InstallationReader;
  readonly jobs: JobReader;
  readonly organisations: OrganisationReader;
  readonly keys: KeyReader;
  readonly operatorKeys: OperatorKeyReader;
  readonly access: AccessReader;
  readonly templates: TemplateReader;
  readonly transfers: TransferReader;
  readonly uploads: UploadReader;
  readonly intakes: IntakeReader;
  readonly usage: UsageReader;
  readonly account: AccountReader;
  readonly audit: AuditReader;
  readonly operatorAudit: OperatorAuditReader;
  readonly events: EventReader;
  readonly webhooks: WebhookReader;
  readonly idempotency: IdempotencyReader;
  /** Counts things over all organisations, whatever the scope. */
  counts(): Promise<Counts>;
  /** The time by the clock with which the store was opened. */
  now(): number;
}

/** Reads and writes inside one transaction, and reads its own writes. */
export interface Writer extends Reader {
  readonly images: ImageWriter;
  readonly machines: MachineWriter;
  readonly machineTypes: MachineTypeWriter;
  readonly forwards: ForwardWriter;
  readonly software: SoftwareWriter;
  readonly bases: BaseWriter;
  readonly layers: LayerWriter;
  readonly layerCopies: LayerCopyWriter;
  readonly packageLists: PackageListWriter;
  readonly fileDifferences: FileDifferenceWriter;
  readonly disks: DiskWriter;
  readonly host: HostWriter;
  readonly installation: InstallationWriter;
  readonly jobs: JobWriter;
  readonly organisations: OrganisationWriter;
  readonly keys: KeyWriter;
  readonly operatorKeys: OperatorKeyWriter;
  readonly signatures: SignatureWriter;
  readonly access: AccessWriter;
  readonly templates: TemplateWriter;
  readonly transfers: TransferWriter;
  readonly uploads: UploadWriter;
  readonly intakes: IntakeWriter;
  readonly account: AccountWriter;
  readonly audit: AuditWriter;
  readonly operatorAudit: OperatorAuditWriter;
  readonly events: EventWriter;
  readonly webhooks: WebhookWriter;
  readonly idempotency: IdempotencyWriter;
}

export interface Store {
  /**
   * Runs `work` with a reader and returns its result. Each statement sees the rows that are
   * committed when it runs, so two statements may see different states; use `write` where they must
   * agree.
   */
  read<Result>(scope: Scope, work: (reader: Reader) => Promise<Result>): Promise<Result>;

  /**
   * The same for work that looks at whole tables and is in no hurry: while one of its statements
   * runs, the event loop goes on.
   */
  survey<Result>(scope: Scope, work: (reader: Reader) => Promise<Result>): Promise<Result>;

  /**
   * Runs `work` in one transaction and returns its result. Its writes are durable when the promise
   * resolves. When `work` throws, none of its writes is kept, and the promise rejects with the same
   * error.
   *
   * The store may run `work` again from its beginning, after it has undone the first run, because
   * of a conflict with another transaction. So `work` must give the same result when it is run
   * twice: it reads through its writer, and touches no file, no process, no network and no variable
   * outside itself. Results leave it by its return value, and log lines are written after it.
   *
   * Writes of other units of work wait meanwhile, so `work` awaits nothing but its writer.
   */
  write<Result>(scope: Scope, work: (writer: Writer) => Promise<Result>): Promise<Result>;

  /** How often this process has run a unit of work again, since it opened the store. */
  reruns(): number;

  /**
   * A number that is another one after each change: when a `write` resolves, and for changes of
   * other processes from the next callback of the event loop on. Null where the store cannot tell
   * it in microseconds.
   */
  version(): number | null;

  /**
   * Tells the other servers on this store that jobs may wait for them. It returns at once, and the
   * nudge may be lost.
   */
  nudgeOthers(): void;

  /** Calls `wake` when another server nudges, until the store is closed. Call it once. */
  onNudge(wake: () => void): void;

  /**
   * Makes the events of all committed transactions readable, in an order that does not change. Call
   * it before reading the newest events. Where transactions run one at a time they are readable at
   * once, and it does nothing.
   */
  publishEvents(): Promise<void>;

  /**
   * Calls `wake` when events may have been written, or webhooks may have to be told of something,
   * by this server or another one, until the returned function is called or the store is closed. A
   * wake may be lost, and more than one event may share it.
   */
  onEvents(wake: () => void): () => void;

  /** How many events this process has written, since it opened the store. */
  eventsWritten(): number;

  /**
   * Remembers the signatures of all requests, for all servers on this store. Null for a store that
   * one server owns: that server remembers them beside the store, which costs less.
   */
  readonly signatures: SharedSignatures | null;

  /** Throws `unavailable` when the schema does not match this program. */
  check(): Promise<void>;

  /** Releases files and connections. Call it once, after the last unit of work has ended. */
  close(): Promise<void>;
}
