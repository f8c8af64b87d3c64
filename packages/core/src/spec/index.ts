export type { DefaultsSpec, OperatorSpec, PipelineSpec, PortSpec } from './grammar.js';
export { loadPipeline, type LoadedPipeline, type LoadPipelineOptions } from './load.js';
export { parseSpec, type ParseSpecOptions } from './parse.js';
export { SpecError, type SpecPlace, type SpecProblem } from './spec-error.js';
export { stringifySpec, toSpec, type ToSpecOptions } from './to-spec.js';
export { loadPypz, type LoadedPypz, type LoadPypzOptions } from './pypz/load.js';
export { parsePypz, type ParsePypzOptions, type PypzSpec, type UnmappedOperator } from './pypz/read.js';
export { stringifyPypz, type StringifyPypzOptions } from './pypz/write.js';
