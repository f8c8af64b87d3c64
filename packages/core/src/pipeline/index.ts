export type { AddOptions, FailurePolicy, InputOptions, OperatorDefaults, OutputOptions, PipelineDefaults, PlacementKind, PlacementOptions, RestartOptions } from './options.js';
export { Pipeline, type PipelineBinding, type PipelineConnection, type PipelineDefinition, type PipelineNode } from './pipeline.js';
export type { InputRef, OutputRef, PortAddress, Refs } from './refs.js';
