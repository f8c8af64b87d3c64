export { createPlan, type PlanOptions } from './create-plan.js';
export { nearest } from './nearest.js';
export { MAX_REPLICAS } from './options.js';
export { assignedPartitions, groupName, replicaIndex, replicaName, replicaNames, type ChannelEnd, type ChannelPlan, type ChildrenPlan, type ExternalBinding, type ExternalFormat, type InputPlan, type OperatorPlan, type OutputPlan, type Plan, type PluginPlan, type RestartPlan } from './plan.js';
export { rescaledOperator, rescaledPlan } from './rescaled.js';
