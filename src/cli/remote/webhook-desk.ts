// Shared by the commands of webhooks, which work over the API with a key of the organisation, or
// with
// --local on the data directory, for repair without a server.

import type { Command } from 'commander';
import type { Answer, Client, Input } from '../../client/client.ts';
import type { Columns } from '../listing.ts';
import { UsageError, words } from '../parse.ts';
import { didYouMean } from '../similar.ts';
import { connect, type Remote, type RemoteContext, remoteOptions } from './context.ts';

type Operation = Extract<keyof Client, `webhook${string}`>;

/** The operations on webhooks, over the API or on the data directory. */
export type WebhookDesk = {
  [Name in Operation]: (input: Input<Name>) => Promise<Answer<Name>>;
};

export type Webhook = Answer<'webhookGet'>;

export interface WebhookContext extends RemoteContext {
  /** Works on the webhooks of an organisation in the data directory. */
  withLocalWebhooks<Result>(
    flags: Pick<Remote, 'dataDir'>,
    organisation: string,
    work: (desk: WebhookDesk) => Promise<Result>,
  ): Promise<Result>;
}

export type WebhookFlags = Remote & { local?: boolean; organisation?: string };

export const webhookOptions = (command: Command): Command =>
  remoteOptions(command)
    .option(
      '--local',
      'work on the data directory on the server’s own host, also without a server (operators only)',
    )
    .option('--organisation <name>', 'with --local: whose webhooks they are', words(100));

/** Throws UsageError when the flags exclude each other. */
export async function withWebhooks<Result>(
  { env, withLocalWebhooks }: WebhookContext,
  flags: WebhookFlags,
  work: (desk: WebhookDesk) => Promise<Result>,
): Promise<Result> {
  const { local, organisation, url, key, secret, profile } = flags;
  if (!local && organisation !== undefined)
    throw new UsageError(
      'A key works on the webhooks of its own organisation; leave --organisation out, or give --local with it.',
    );
  if (!local) return work(await connect(flags, env));
  if (organisation === undefined)
    throw new UsageError('Whose webhooks are they? Give --organisation NAME beside --local.');
  if ([url, key, secret, profile].some((one) => one !== undefined))
    throw new UsageError('--local works without a server; leave --url, --key and --profile out.');
  return withLocalWebhooks(flags, organisation, work);
}

/** A webhook as `each.ts` takes things. */
export interface NamedWebhook {
  id: string;
  name: string;
  webhook: Webhook;
}

const addressOf = (text: string) => (URL.canParse(text) ? new URL(text).href : text);

/** Throws UsageError for a word that is neither an id nor an address, and for one of several. */
function pick(all: readonly Webhook[], word: string): NamedWebhook {
  const found = all.filter(({ id, attributes: { url } }) => id === word || url === addressOf(word));
  const [first, ...others] = found;
  if (first === undefined) {
    const near = didYouMean(
      word,
      all.flatMap(({ id, attributes: { url } }) => [id, url]),
    );
    throw new UsageError(
      `There is no webhook ${JSON.stringify(word)}.${near} See: silversmith webhook list`,
      'not_found',
    );
  }
  if (others.length > 0)
    throw new UsageError(
      `${found.length} webhooks have the address ${word}; give the id of one: ${found.map(({ id }) => id).join(', ')}`,
    );
  return { id: first.id, name: first.attributes.url, webhook: first };
}

/** Looks up all words before anything is changed; each webhook is taken once. */
export async function webhooksNamed(
  desk: WebhookDesk,
  given: readonly string[],
): Promise<NamedWebhook[]> {
  const { webhooks } = await desk.webhookList({});
  const found = given.map((word) => pick(webhooks, word));
  return [...new Map(found.map((one) => [one.id, one])).values()];
}

export async function webhookNamed(desk: WebhookDesk, word: string): Promise<NamedWebhook> {
  return pick((await desk.webhookList({})).webhooks, word);
}

export const webhookColumns: Columns<Webhook> = {
  ID: ({ id }) => id,
  ADDRESS: ({ attributes }) => attributes.url,
  STATE: ({ attributes }) => (attributes.paused_at === null ? 'active' : 'paused'),
  WAITING: ({ attributes }) => attributes.waiting,
  DEAD: ({ attributes }) => attributes.dead,
  TYPES: ({ attributes }) => attributes.types.join(' '),
};
