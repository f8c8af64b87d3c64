export { createPlan, type PlanOptions } from './create-plan.js';
export { nearest } from './nearest.js';
export { assignedPartitions, groupName, replicaIndex, replicaName, replicaNames, type ChannelEnd, type ChannelPlan, type ExternalBinding, type ExternalFormat, type InputPlan, type OperatorPlan, type OutputPlan, type Plan, type PluginPlan } from './plan.js';
