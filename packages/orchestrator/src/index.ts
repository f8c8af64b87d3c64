/**
 * What runs a pipeline: stages, restarts, threads and processes.
 * @module @millrace/orchestrator
 */
import 'reflect-metadata';

export { registerBackend, registeredSchemes, resolveBackends, type BackendSource } from './backends.js';
export type { PortMetrics, ReplicaMetrics, RunMetrics } from './metrics.js';
export { orchestrate } from './orchestrate.js';
export type { OrchestrateOptions, Services } from './options.js';
export { findTsx, hasLoader, type ChildInfo } from './placement/index.js';
export { Run, type RunEvents, type RunResult, type StopOptions } from './run.js';
