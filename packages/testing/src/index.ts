/**
 * For tests of operators and backends.
 * @module @millrace/testing
 */
export { SettableClock } from './clock/index.js';
export { CONFORMANCE_CASES, ConformanceContext, channelConformance, registerChannelConformance } from './conformance/index.js';
export type {
  BoundCase, ConformanceCase, ConformanceFactory, ConformanceNeed, ConformanceOptions, ConformanceOutcome, ConformanceRunner, ConformanceTarget, RegistrationOptions,
} from './conformance/index.js';
export { crashTest, crashWorker, killSchedule, RecordChecker } from './crash/index.js';
export type { Blow, CrashReport, CrashRunOptions, CrashTestOptions, Disturbance, Findings, Moment, ScheduleOptions, StartCrashRun, WorkerSample } from './crash/index.js';
export { FAULT_MEMBERS, withFaults } from './faults/index.js';
export type { Fault, FaultAction, FaultMember, FaultPlan, FaultyBackend, InjectedFault, RandomFaults } from './faults/index.js';
export { OperatorHarness } from './harness/index.js';
export type { HarnessArguments, HarnessCommit, HarnessError, HarnessInput, HarnessOptions, HarnessOutput, HarnessServices, InputName, OutputName, PushOptions, SentEntry, StateOf, ValueOf } from './harness/index.js';
export { ABORT, collector, EOF, PAUSE, Pause, testSource } from './sources/index.js';
export type { Collector, CollectorClass, ScriptItem, TestSource, TestSourceOptions } from './sources/index.js';
