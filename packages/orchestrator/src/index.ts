import 'reflect-metadata';

export { resolveBackends } from './backends.js';
export type { PortMetrics, ReplicaMetrics, RunMetrics } from './metrics.js';
export { orchestrate } from './orchestrate.js';
export type { OrchestrateOptions, Services } from './options.js';
export { Run, type RunEvents, type RunResult, type StopOptions } from './run.js';
