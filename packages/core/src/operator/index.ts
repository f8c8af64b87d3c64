export { input, operator, output, plugin, state, type MemberOptions, type OperatorOptions, type PluginOptions } from './decorators.js';
export { operatorMembersOf, operatorMetadataOf, type OperatorMembers, type OperatorMetadata, type PluginMetadata, type PortMetadata, type StateMetadata } from './metadata.js';
export { Operator, WAKE, type EndReason, type InstanceOf, type OperatorClass, type OperatorContext, type OperatorHook, type ParametersOf, type StepResult } from './operator.js';
export { operatorDeclared, operatorRegistry } from './registry.js';
export type { PartitionState } from './state.js';
