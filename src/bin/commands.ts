// The words that may follow `silversmith`, with the files that their commands are in. A file is
// loaded only when its word was typed, because most commands take less time than to load all files.

import type { Command } from 'commander';
import type { OperatorContext } from '../cli/operator/context.ts';
import type { ApplyContext } from '../cli/remote/apply.ts';
import type { CatalogueContext } from '../cli/remote/catalogue.ts';
import type { TourContext } from '../cli/remote/tour.ts';
import type { WebhookContext } from '../cli/remote/webhook-desk.ts';
import type { Environment } from '../lib/environment.ts';
import type { PagesContext } from './pages.ts';

type RemoteContext = CatalogueContext & TourContext & PagesContext & ApplyContext & WebhookContext;

/** The context of every command. */
type Given = PagesContext & { env: Environment };

type Load = () => Promise<(command: Command, context: RemoteContext) => void>;

interface Word {
  description: string;
  /** Whether it has options itself, as help says; else it is a noun whose verbs have them. */
  hasOptions?: true;
  /**
   * Loads the commands that speak to a server, by their verbs with spaces between them, because a
   * command loads the file of its own verb only; or loads the options of the word itself.
   */
  remote?: Load | Readonly<Record<string, Load>>;
  /** Loads what adds the commands of the operator. */
  operator?: () => Promise<(command: Command, context: OperatorContext) => void>;
}

/** In the order of the help. */
export const words: Readonly<Record<string, Word>> = {
  serve: {
    description: 'serve the API',
    hasOptions: true,
    operator: async () => (await import('../cli/operator/serve.ts')).serveCommand,
  },
  image: {
    description:
      'images: what machines are started from; each is given by its id or its exact name',
    remote: {
      'list show storage dependents': async () =>
        (await import('../cli/remote/image.ts')).imageCommands,
      'capture install': async () =>
        (await import('../cli/remote/image-make.ts')).imageMakeCommands,
      cancel: async () => (await import('../cli/remote/image-cancel.ts')).imageCancelCommands,
      'assign undo': async () =>
        (await import('../cli/remote/image-assign.ts')).imageAssignCommands,
      'delete restore protect': async () =>
        (await import('../cli/remote/image-delete.ts')).imageDeleteCommands,
      templates: async () =>
        (await import('../cli/remote/image-templates.ts')).imageTemplatesCommand,
      diff: async () => (await import('../cli/remote/image-diff.ts')).imageDiffCommand,
      'packages sbom': async () =>
        (await import('../cli/remote/image-packages.ts')).imagePackagesCommands,
      export: async () => (await import('../cli/remote/image-export.ts')).imageExportCommand,
      import: async () => (await import('../cli/remote/image-import.ts')).imageImportCommand,
      verify: async () => (await import('../cli/remote/image-verify.ts')).imageVerifyCommand,
    },
  },
  machine: {
    description: 'machines: what runs on images; each is given by its id or its exact name',
    remote: {
      'list access': async () => (await import('../cli/remote/machine.ts')).machineCommands,
      'console screenshot': async () =>
        (await import('../cli/remote/machine-view.ts')).machineViewCommands,
      show: async () => (await import('../cli/remote/machine-show.ts')).machineShowCommand,
      forward: async () => (await import('../cli/remote/machine-forward.ts')).machineForwardCommand,
      create: async () => (await import('../cli/remote/machine-create.ts')).machineCreateCommand,
      'start stop': async () =>
        (await import('../cli/remote/machine-power.ts')).machinePowerCommands,
      policy: async () => (await import('../cli/remote/machine-policy.ts')).machinePolicyCommand,
      'delete undelete': async () =>
        (await import('../cli/remote/machine-delete.ts')).machineDeleteCommands,
      'disks reset restore': async () =>
        (await import('../cli/remote/machine-disk.ts')).machineDiskCommands,
    },
    operator: async () => (await import('../cli/operator/machine.ts')).machineCommands,
  },
  transfer: {
    description: 'uploads and exports of images, while their files are kept',
    remote: async () => (await import('../cli/remote/transfer-list.ts')).transferCommands,
  },
  software: {
    description: 'the catalogue of what can be installed',
    remote: async () => (await import('../cli/remote/software.ts')).softwareCommands,
    operator: async () => (await import('../cli/operator/software.ts')).softwareCommands,
  },
  base: {
    description: 'base images: what all others start from',
    remote: async () => (await import('../cli/remote/base.ts')).baseCommands,
    operator: async () => (await import('../cli/operator/base.ts')).baseCommands,
  },
  'machine-type': {
    description: 'machine types: the sizes in which machines are made',
    remote: async () => (await import('../cli/remote/machine-type.ts')).machineTypeCommands,
    operator: async () => (await import('../cli/operator/machine-type.ts')).machineTypeCommands,
  },
  organisation: {
    description: 'organisations and what they may have',
    operator: async () => (await import('../cli/operator/organisation.ts')).organisationCommands,
  },
  key: {
    description: 'access keys: who may use the API',
    operator: async () => (await import('../cli/operator/key.ts')).keyCommands,
  },
  webhook: {
    description:
      'webhooks: addresses that are told of events; each is given by its id or its address',
    remote: {
      'list show deliveries': async () =>
        (await import('../cli/remote/webhook.ts')).webhookCommands,
      'add update rotate remove': async () =>
        (await import('../cli/remote/webhook-change.ts')).webhookChangeCommands,
      'pause resume ping redeliver': async () =>
        (await import('../cli/remote/webhook-send.ts')).webhookSendCommands,
    },
  },
  'master-key': {
    description: 'the key under which secrets are kept',
    operator: async () => (await import('../cli/operator/master-key.ts')).masterKeyCommands,
  },
  layer: {
    description: 'layers: what images and disks stand on',
    operator: async () => (await import('../cli/operator/layer.ts')).layerCommands,
  },
  template: {
    description: 'templates of images, from whose memory machines start at once',
    operator: async () => (await import('../cli/operator/template.ts')).templateCommands,
  },
  cache: {
    description: 'the build cache: installed steps that builds find again',
    operator: async () => (await import('../cli/operator/cache.ts')).cacheCommands,
  },
  member: {
    description: 'members of a cluster: the hosts that machines run on',
    operator: async () => (await import('../cli/operator/member.ts')).memberCommands,
  },
  storage: {
    description: 'show what everything takes on the disk of this host',
    hasOptions: true,
    operator: async () => (await import('../cli/operator/storage.ts')).storageCommand,
  },
  store: {
    description: 'where everything but the disks is kept',
    operator: async () => (await import('../cli/operator/store.ts')).storeCommands,
  },
  backup: {
    description: 'copy everything into a new folder, while the server runs or not',
    hasOptions: true,
    operator: async () => (await import('../cli/operator/backup.ts')).backupCommand,
  },
  restore: {
    description: 'restore a backup into a new data directory, and examine it',
    hasOptions: true,
    operator: async () => (await import('../cli/operator/backup.ts')).restoreCommand,
  },
  doctor: {
    description: 'compare the store with the disk of the host, and explain each finding',
    hasOptions: true,
    operator: async () => (await import('../cli/operator/doctor.ts')).doctorCommand,
  },
  audit: {
    description: 'what operators changed on this host; changes over the API have their own trail',
    operator: async () => (await import('../cli/operator/audit.ts')).auditCommands,
  },
  login: {
    description: 'keep where a server is and a key for it, as a profile',
    hasOptions: true,
    remote: async () => (await import('../cli/remote/login.ts')).loginCommand,
  },
  profile: {
    description: 'profiles: the servers and keys that login keeps',
    remote: async () => (await import('../cli/remote/profile.ts')).profileCommands,
  },
  usage: {
    description: 'show what the organisation has and may have',
    hasOptions: true,
    remote: async () => (await import('../cli/remote/usage.ts')).usageCommand,
  },
  apply: {
    description: 'make the organisation what a fleet file declares; shows the difference first',
    hasOptions: true,
    remote: async () => (await import('../cli/remote/apply.ts')).applyCommand,
  },
  'export-fleet': {
    description: 'write the organisation as a fleet file',
    hasOptions: true,
    remote: async () => (await import('../cli/remote/fleet-file.ts')).exportFleetCommand,
  },
  'import-vagon': {
    description: 'write an organisation of the hosted Vagon API as a fleet file',
    hasOptions: true,
    remote: async () => (await import('../cli/remote/fleet-file.ts')).importVagonCommand,
  },
  watch: {
    description: 'show machines and images as they change, until q or Ctrl-C is typed',
    hasOptions: true,
    remote: async () => (await import('../cli/remote/watch.ts')).watchCommand,
  },
  tour: {
    description: 'show the main work on the running service, request by request',
    hasOptions: true,
    remote: async () => (await import('../cli/remote/tour.ts')).tourCommand,
  },
  completion: {
    description: 'print completion for bash, zsh or fish',
    hasOptions: true,
    remote: async () => (await import('./pages.ts')).completionCommand,
  },
  manual: {
    description: 'print the manual page; to read it: silversmith manual | man -l -',
    remote: async () => (await import('./pages.ts')).manualCommand,
  },
  openapi: {
    description: 'print the OpenAPI document',
    remote: async () => (await import('../cli/openapi.ts')).openApiCommand,
  },
};

/**
 * Adds all words to the program, and the commands of the noun that was typed. Those of the operator
 * are left out when the verb is one of a server, because they load much of the server.
 */
export async function addCommands(
  program: Command,
  typed: readonly string[],
  given: Given,
): Promise<void> {
  for (const [name, { description }] of Object.entries(words))
    program.command(name).description(description);
  const name = typed.find((one) => one !== 'help' && !one.startsWith('-')) ?? '';
  await addVerbs(program, name, typed[0] === name ? typed[1] : undefined, given);
}

/** Adds all commands of all words, for the pages that list them. */
export async function addAllCommands(program: Command, given: Given): Promise<void> {
  for (const [name, { description }] of Object.entries(words))
    program.command(name).description(description);
  for (const name of Object.keys(words)) await addVerbs(program, name, undefined, given);
}

async function addVerbs(
  program: Command,
  name: string,
  verb: string | undefined,
  given: Given,
): Promise<void> {
  const command = program.commands.find((one) => one.name() === name);
  const word = Object.hasOwn(words, name) ? words[name] : undefined;
  if (!command || !word) return;
  const operator = async () =>
    (await import('../cli/operator/context.ts')).operatorContext(given.terminal, given.env);
  const remote = remoteContext(given, operator);
  for (const load of loadsOf(word, verb)) (await load())(command, remote);
  if (!word.operator || command.commands.some((one) => one.name() === verb)) return;
  (await word.operator())(command, await operator());
}

/** What loads the verb; what loads all verbs, where none or an unknown one was typed. */
function loadsOf({ remote = {} }: Word, verb: string | undefined): readonly Load[] {
  if (typeof remote === 'function') return [remote];
  const found = Object.entries(remote).find(([verbs]) => verbs.split(' ').includes(verb ?? ''));
  return found ? [found[1]] : Object.values(remote);
}

const remoteContext = (given: Given, operator: () => Promise<OperatorContext>): RemoteContext => ({
  ...given,
  async isOperators(key) {
    const { isOperatorKeyId } = await import('../domain/operator-key.ts');
    return isOperatorKeyId(key);
  },
  async listAsOperator(noun, flags) {
    const { listAsOperator } = await import('../cli/operator/catalogue.ts');
    await listAsOperator(await operator(), noun, flags);
  },
  async applyAsOperator(asked, { local, dataDir, ...flags }) {
    const { applyFar, applyLocal } = await import('../cli/operator/apply.ts');
    return local
      ? applyLocal(await operator(), asked, dataDir)
      : applyFar(await operator(), asked, flags);
  },
  async borrowKey({ dataDir: _, ...flags }, found, from, work) {
    const { withBorrowedKey } = await import('../cli/operator/borrow.ts');
    await withBorrowedKey(await operator(), flags, found, from, work);
  },
  async withLocalWebhooks(flags, organisation, work) {
    const { withLocalWebhooks } = await import('../cli/operator/webhook.ts');
    return withLocalWebhooks(await operator(), flags, organisation, work);
  },
  async look(machineId, script, dataDir) {
    const { lookInside } = await import('../cli/operator/machine.ts');
    return lookInside(await operator(), machineId, script, dataDir);
  },
});
