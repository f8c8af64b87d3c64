#!/usr/bin/env node
import { localCopy } from './local-copy.js';

const local = localCopy(process.cwd());
if (local !== undefined) await import(local);
else {
  const { command } = await import('./command.js');
  const code = await command(process.argv.slice(2), { out: process.stdout, err: process.stderr });
  // What was written goes out first; and a user's module that holds a timer or a socket must not keep the command from ending.
  process.stdout.write('', () => process.stderr.write('', () => process.exit(code)));
}
