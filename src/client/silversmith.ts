// The entry of the published package: the client with what a program does beside single requests,
// and all that a program may import.

import {
  type Answer,
  type Arguments,
  type CallOptions,
  type Client,
  type ClientOptions,
  createClient as createOperations,
  type Input,
} from './client.ts';
import { type Followed, follow, type Gap, type Listening, listen } from './events.ts';
import { everyItem } from './page.ts';
import { downloaded, type Moving, type Read, upload } from './transfer.ts';
import type {
  Envelope,
  ExtensionField,
  FleetEvent,
  Image,
  Machine,
  Operations,
  Transfer,
  UserActionLog,
} from './types.ts';
import { type Views, views } from './view.ts';
import {
  type DoneOptions,
  doneImage,
  doneMachine,
  doneTransfer,
  type MachineDoneOptions,
  type Waited,
} from './wait.ts';

export type { Call, CallOptions, Client, ClientOptions, Reply, Sending } from './client.ts';
export {
  ApiError,
  type ErrorCode,
  NoAnswerError,
  StalledError,
  UnfinishedError,
} from './errors.ts';
export type { Followed, Gap, Listening } from './events.ts';
export type { Moving, Read } from './transfer.ts';
export type * from './types.ts';
export type { OpenedMachine, Views } from './view.ts';
export type { DoneOptions, MachineDoneOptions, Waited } from './wait.ts';

type ListQuery<Name extends 'imageList' | 'machineList' | 'userActionLogList'> = Omit<
  Operations[Name]['input'],
  'page' | 'before'
>;

/** The lists, which give each thing once while others are made and deleted; and the waits. */
export interface Lists<AnImage, AMachine, ImageQuery> {
  /** All images, newest first: `for await (const image of client.images({ q: 'office' }))`. */
  images(query?: ImageQuery, options?: CallOptions): AsyncGenerator<AnImage, void>;
  /** All machines, newest first. */
  machines(query?: ListQuery<'machineList'>, options?: CallOptions): AsyncGenerator<AMachine, void>;
  /**
   * Waits until an image is available, or a machine is at rest, also while the server restarts.
   * Throws UnfinishedError when the work failed or is not done in time.
   */
  waitFor(image: Waited<'image'>, options?: DoneOptions<AnImage>): Promise<AnImage>;
  waitFor(machine: Waited<'machine'>, options?: MachineDoneOptions<AMachine>): Promise<AMachine>;
}

/** Bytes to send: a Blob (such as a File, or `openAsBlob` of node:fs), memory, or a function. */
export type Source = Blob | Uint8Array | Read;

export interface Transfers {
  /**
   * Sends the bytes that an import still lacks. After a failure, call it with the same id again.
   */
  upload(id: string, source: Source, moving?: Moving): Promise<void>;
  /** The bytes of an export, from an offset on. It goes on by itself where a connection breaks. */
  download(
    id: string,
    moving?: Moving & { offset?: number | undefined },
  ): AsyncGenerator<Uint8Array, void>;
  /** Waits until the file of an export can be downloaded. */
  waitFor(transfer: Waited<'transfer', string>, options?: DoneOptions<Transfer>): Promise<Transfer>;
}

type ListenOptions = Omit<Listening, 'filters'>;

export interface Events {
  /**
   * Events as they happen, without an end: `for await (const event of client.events())`. It
   * connects again by itself, and misses none; where events are not kept any more, it gives a gap.
   */
  events(
    filters?: Input<'eventList'>,
    options?: ListenOptions,
  ): AsyncGenerator<FleetEvent | Gap, void>;
  /** The lines that a build prints and the states of its image, until the build has ended. */
  follow(
    image: Waited<'image'>,
    options?: ListenOptions,
  ): AsyncGenerator<FleetEvent | Gap | Followed, void>;
}

type TypedLists = Lists<Image, Machine, ListQuery<'imageList'>>;

/** Lists that have no pages elsewhere. */
export interface OwnLists {
  /** The uploads and exports, newest first. */
  transfers(
    query?: { per_page?: number | undefined },
    options?: CallOptions,
  ): AsyncGenerator<Transfer, void>;
  /** The audit trail, newest first: all of it, where one answer has 1,000 entries at most. */
  userActionLogs(
    query?: ListQuery<'userActionLogList'>,
    options?: CallOptions,
  ): AsyncGenerator<UserActionLog, void>;
}

/** The client of a server of Silversmith. */
export interface Silversmith
  extends Client,
    Events,
    OwnLists,
    Omit<TypedLists, 'waitFor'>,
    Omit<Transfers, 'waitFor'>,
    Views {
  waitFor: TypedLists['waitFor'] & Transfers['waitFor'];
}

/** A shape without the fields that only servers of Silversmith have. */
export type WithoutExtensions<Shape> = Shape extends readonly (infer Item)[]
  ? WithoutExtensions<Item>[]
  : Shape extends object
    ? { [Key in keyof Shape as Exclude<Key, ExtensionField>]: WithoutExtensions<Shape[Key]> }
    : Shape;

/** The operations of the specification, with its fields alone. */
export type PlainClient = {
  [Name in keyof Client as Operations[Name] extends { extension: true } ? never : Name]: (
    ...given: Arguments<WithoutExtensions<Input<Name>>>
  ) => Promise<WithoutExtensions<Answer<Name>> & Envelope>;
};

/** The client of a server of the specification alone. */
export interface PlainSilversmith
  extends PlainClient,
    Lists<
      WithoutExtensions<Image>,
      WithoutExtensions<Machine>,
      WithoutExtensions<ListQuery<'imageList'>>
    > {}

/** With the waits in between they take three to six seconds, which a restart takes too. */
const defaultTriesMax = 6;
const triesMost = 100;
const defaultPerPage = 100;
/** The characters that a header can carry, without the colon that ends a key there. */
const keyForm = /^[\x21-\x39\x3b-\x7e]+$/;

/**
 * Makes a client. Nothing is sent before a method is called. Throws TypeError for options that
 * cannot work, and in a browser's page that may not sign.
 */
export function createClient(options: ClientOptions & { extensions: false }): PlainSilversmith;
export function createClient(options: ClientOptions): Silversmith;
export function createClient(given: ClientOptions): PlainSilversmith {
  const options = { triesMax: defaultTriesMax, ...given };
  assertUsable(options);
  const client = createOperations(options);
  return {
    ...client,
    ...lists(client),
    ...(options.extensions !== false && {
      ...transfers(options),
      ...events(options),
      ...ownLists(client),
      ...views(client, options),
    }),
  };
}

type AnyWaited = Waited<'image' | 'machine'> | Waited<'transfer', string>;

function lists(client: Client) {
  function waitFor(image: Waited<'image'>, options?: DoneOptions<Image>): Promise<Image>;
  function waitFor(
    machine: Waited<'machine'>,
    options?: MachineDoneOptions<Machine>,
  ): Promise<Machine>;
  function waitFor(
    transfer: Waited<'transfer', string>,
    options?: DoneOptions<Transfer>,
  ): Promise<Transfer>;
  function waitFor(
    { type, attributes: { id } }: AnyWaited,
    options: MachineDoneOptions<Image | Machine | Transfer> = {},
  ): Promise<Image | Machine | Transfer> {
    if (typeof id === 'string') return doneTransfer(client, id, options);
    return type === 'image' ? doneImage(client, id, options) : doneMachine(client, id, options);
  }
  return {
    images(
      { per_page = defaultPerPage, ...query }: ListQuery<'imageList'> = {},
      options?: CallOptions,
    ) {
      return everyItem(per_page, async (place) => {
        const { images: items, ...rest } = await client.imageList(
          { ...query, per_page, ...place },
          options,
        );
        return { items, ...rest };
      });
    },
    machines(
      { per_page = defaultPerPage, ...query }: ListQuery<'machineList'> = {},
      options?: CallOptions,
    ) {
      return everyItem(per_page, async (place) => {
        const { machines: items, ...rest } = await client.machineList(
          { ...query, per_page, ...place },
          options,
        );
        return { items, ...rest };
      });
    },
    waitFor,
  };
}

const ownLists = (client: Client): OwnLists => ({
  transfers({ per_page = defaultPerPage } = {}, options) {
    return everyItem<Transfer, string>(per_page, async (place) => {
      const { transfers: items, ...rest } = await client.transferList(
        { per_page, ...('before' in place && place) },
        options,
      );
      return { items, ...rest };
    });
  },
  userActionLogs(query = {}, options) {
    let dates = {};
    return everyItem(defaultPerPage, async (place) => {
      const { logs: items, ...rest } = await client.userActionLogList(
        { ...query, ...dates, ...('before' in place && place) },
        options,
      );
      dates = { start_date: rest.start_date, end_date: rest.end_date };
      return { items, ...rest };
    });
  },
});

function transfers(options: ClientOptions): Omit<Transfers, 'waitFor'> {
  // Transfers have attempts of their own, which count from the last byte that has moved.
  const once = { ...options, triesMax: 1 };
  const client = createOperations(once);
  return {
    upload: (id, source, moving) => upload(client, once, id, readerOf(source), moving),
    download: (id, { offset = 0, ...moving } = {}) => downloaded(client, once, id, offset, moving),
  };
}

const events = (options: ClientOptions): Events => ({
  events: (filters, listening) => listen(options, { ...listening, filters }),
  follow: ({ attributes: { id } }, listening) => follow(options, id, listening),
});

function readerOf(source: Source): Read {
  if (typeof source === 'function') return source;
  if (source instanceof Uint8Array)
    return async (offset, length) => source.subarray(offset, offset + length);
  return async (offset, length) =>
    new Uint8Array(await source.slice(offset, offset + length).arrayBuffer());
}

function assertUsable({ url, key, secret, timeoutMs = 1, triesMax = 1 }: ClientOptions): void {
  if (!URL.canParse(url) || !/^https?:\/\/[^/?#@\\]+\/?$/i.test(url))
    throw new TypeError(`url is ${url}; give an address without a path, such as https://host.`);
  if (!keyForm.test(key)) throw new TypeError('Give the key as it was given to you.');
  if (!secret) throw new TypeError('Give the secret of the key.');
  if (!(timeoutMs > 0)) throw new TypeError(`timeoutMs is ${timeoutMs}; give a time above 0.`);
  if (!Number.isInteger(triesMax) || triesMax < 1 || triesMax > triesMost)
    throw new TypeError(`triesMax is ${triesMax}; give a whole number from 1 to ${triesMost}.`);
  if (globalThis.crypto?.subtle === undefined)
    throw new TypeError(
      'Requests are signed with WebCrypto, which browsers give to pages over https or of localhost.',
    );
}
