import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseCommand, USAGE, UsageError, type Command } from './command.js';
import { toJsonLine, type Figure } from './harness/figure.js';
import { hardware, tableHead, tableRow } from './harness/report.js';
import type { Scenario } from './harness/scenario.js';
import { provideBroker } from './kafka/broker.js';
import { kafkaScenarios } from './kafka/scenarios.js';
import { localScenarios } from './local/scenarios.js';
import { memoryScenarios } from './memory/scenarios.js';
import { scaleScenarios } from './scale/scenarios.js';

const SUITES = new Map([
  ['memory', memoryScenarios],
  ['local', localScenarios],
  ['kafka', kafkaScenarios],
  ['scale', scaleScenarios],
]);

try {
  const command = parseCommand(process.argv.slice(2), SUITES);
  await (process.send === undefined ? run(command) : runHere(command));
  // Else the channel to the parent keeps a child alive.
  if (process.send !== undefined) process.disconnect();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\nusage: ${USAGE}`);
  process.exitCode = 2;
}

/** A missed target is a figure like any other: it ends nothing. */
async function run({ scenarios, json }: Command): Promise<void> {
  if (!json) {
    console.log(`${hardware()}, ${new Date().toISOString().slice(0, 10)}`);
    console.log("Rates are medians of rounds in turn with the peer's; the ratio is the median of the rounds' ratios.\n");
    console.log(tableHead());
  }
  const leave = scenarios.some((scenario) => kafkaScenarios.includes(scenario)) ? await provideBroker() : undefined;
  try {
    for (const scenario of scenarios) {
      for (const figure of await apart(scenario)) {
        console.log(json ? toJsonLine(figure) : tableRow(figure));
        if (figure.missing !== undefined) console.error(`\x1b[31m${figure.bench}: ${figure.missing.name} could not be measured: ${figure.missing.why}\x1b[0m`);
      }
    }
  } finally {
    await leave?.();
  }
}

/** Each scenario has a process of its own: what the compiler and the heap learnt in one says nothing of the next. */
async function apart({ bench }: Scenario): Promise<readonly Figure[]> {
  const child = fork(fileURLToPath(import.meta.url), [bench]);
  const exit = once(child, 'exit') as Promise<[code: number | null]>;
  // What it sent may come after its exit; the end of the channel comes after all of it.
  const received = once(child, 'disconnect');
  const figures: Figure[] = [];
  child.on('message', (figure) => figures.push(figure as Figure));
  const [code] = await exit;
  await received;
  if (code !== 0) throw new Error(`${bench} failed`);
  return figures;
}

async function runHere({ scenarios }: Command): Promise<void> {
  for (const scenario of scenarios) for (const figure of await scenario.run()) process.send?.(figure);
}
