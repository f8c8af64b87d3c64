export { RecordChecker, type Findings } from './checker.js';
export { crashTest, type CrashReport, type CrashTestOptions, type Disturbance } from './crash-test.js';
export type { WorkerSample } from './messages.js';
export { killSchedule, type Blow, type Moment, type ScheduleOptions } from './schedule.js';
export { crashWorker, type CrashRunOptions, type StartCrashRun } from './worker.js';
