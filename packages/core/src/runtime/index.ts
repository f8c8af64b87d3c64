export type { DriverAhead, DriverMove, ReplicaDriver } from './driver.js';
export type { AfterCrash, CrashPoison, ReplicaEnvironment, ReplicaEvents } from './environment.js';
export type { PortCounters, ReplicaCounters } from './metrics.js';
export { murmur2, partitionOf } from './partitioner.js';
export { Replica, type BusyHook, type ReplicaOutcome } from './replica.js';
export { stuckStep } from './run-loop.js';
export { DONE_KEY, StateStore, stateKey, type StateStoreOptions } from './state-store.js';
export type { HandedRecord } from './step.js';
