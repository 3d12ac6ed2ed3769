// Messages of the API name the request that helps. The command line shows the command that sends it
// instead.

const commands: readonly [request: RegExp, command: string][] = [
  [/(?<=base image \S+; )GET \/software\b/g, 'silversmith base list'],
  [/GET \/software\b/g, 'silversmith software list'],
  [/GET \/plans\b/g, 'silversmith machine-type list'],
  [/GET \/machines\/(\d+)\/disks\b/g, 'silversmith machine disks $1'],
  [/GET \/machines\b/g, 'silversmith machine list'],
  [/GET \/images\b/g, 'silversmith image list'],
  [/POST \/images\/(\d+)\/protection\b/g, 'silversmith image protect $1 --off'],
];

export const inCommands = (message: string): string =>
  commands.reduce((text, [request, command]) => text.replace(request, command), message);
