#!/usr/bin/env node
import { command } from './command.js';

const code = await command(process.argv.slice(2), { out: process.stdout, err: process.stderr });
// What was written goes out first; and a user's module that holds a timer or a socket must not keep the command from ending.
process.stdout.write('', () => process.stderr.write('', () => process.exit(code)));
