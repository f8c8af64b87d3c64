export type { ReplicaSet } from './replica-set.js';
export { superviseReplicas } from './supervise.js';
export type { SupervisorEvents } from './supervised-replica.js';
