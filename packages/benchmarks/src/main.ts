import { parseCommand, USAGE, UsageError, type Command } from './command.js';
import { ROUNDS } from './harness/compare.js';
import { toJsonLine } from './harness/figure.js';
import { hardware, tableHead, tableRow } from './harness/report.js';
import { memoryScenarios } from './memory/scenarios.js';
import { scaleScenarios } from './scale/scenarios.js';

const SUITES = new Map([
  ['memory', memoryScenarios],
  ['scale', scaleScenarios],
]);

try {
  await run(parseCommand(process.argv.slice(2), SUITES));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\nusage: ${USAGE}`);
  process.exitCode = 2;
}

/** A missed target is a figure like any other: it ends nothing. */
async function run({ scenarios, json }: Command): Promise<void> {
  if (!json) {
    console.log(`${hardware()}, ${new Date().toISOString().slice(0, 10)}`);
    console.log(`Rates are medians of ${ROUNDS.rounds} rounds in turn with the peer's; the ratio is the median of the rounds' ratios.\n`);
    console.log(tableHead());
  }
  for (const scenario of scenarios) {
    for (const figure of await scenario.run()) console.log(json ? toJsonLine(figure) : tableRow(figure));
  }
}
