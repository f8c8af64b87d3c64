export { withFaults, type FaultyBackend } from './with-faults.js';
export { FAULT_MEMBERS } from './plan.js';
export type { Fault, FaultAction, FaultMember, FaultPlan, InjectedFault, RandomFaults } from './plan.js';
