// Where each command works. Nearly all of them speak to a server; this lists the few that do not,
// and says why. A test compares the list with the commands.

/** Commands that work on the server's own host alone, each with the reason. */
export const hostOnly: Readonly<Record<string, string>> = {
  serve: 'it starts a server',
  backup: 'it writes the secrets of all organisations into a folder of the host',
  restore: 'it makes a data directory that has no server',
  'master-key rotate': 'it changes the key under which a running server seals secrets',
  'store copy': 'it moves the store while no server runs',
};

/** Commands that need neither a server nor data, each with what they work on. */
export const noServer: Readonly<Record<string, string>> = {
  completion: 'it prints a text of the program',
  manual: 'it prints a text of the program',
  openapi: 'it prints a text of the program',
  'image verify': 'it reads exported files and the keys that it is given',
  'profile list': 'it reads the file of profiles',
  'profile use': 'it changes the file of profiles',
  'profile remove': 'it changes the file of profiles',
};
