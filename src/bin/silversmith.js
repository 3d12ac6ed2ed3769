#!/usr/bin/env node
// The entry. Plain JavaScript, so that a Node that is too old can still read what it says.

const major = Number(process.versions.node.split('.')[0]);
if (major < 24) {
  process.stderr.write(
    `silversmith needs Node 24 or newer; this is ${process.versions.node}. Use the one that npm installs: npm run -s silversmith -- …\n`,
  );
  process.exitCode = 1;
} else {
  const { main } = await import('./main.ts');
  process.exitCode = await main(process.argv);
}
