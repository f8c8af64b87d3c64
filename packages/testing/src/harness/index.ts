export type { HarnessInput, PushOptions } from './input.js';
export { OperatorHarness } from './operator-harness.js';
export type { HarnessArguments, HarnessOptions } from './options.js';
export type { HarnessOutput, SentEntry } from './output.js';
export type { HarnessServices } from './services.js';
export type { HarnessCommit, HarnessError, InputName, OutputName, StateOf, ValueOf } from './types.js';
