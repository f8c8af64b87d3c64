#!/usr/bin/env node
import { command } from './command.js';

process.exitCode = await command(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  interactive: process.stdin.isTTY && process.stdout.isTTY && process.env['CI'] === undefined,
});
