/**
 * Millrace for those who use it: what operators and pipelines are written with, what runs them, and what they report.
 *
 * By name, so that what stands here is what is meant for users. Who writes a backend or a tool around plans and replicas depends
 * on `@millrace/core`, which has the rest. The parts of inversify that an operator's constructor and a services file need are here
 * too: bindings work within one copy of it only.
 *
 * @module millrace
 */
import 'reflect-metadata';
import './backends.js';

// Operators
export { input, operator, Operator, output, plugin, state } from '@millrace/core';
export type { EndReason, MemberOptions, OperatorClass, OperatorContext, OperatorHook, OperatorOptions, ParametersOf, PartitionState, PluginOptions, StepResult } from '@millrace/core';

// Ports
export { DeadLetter, InputPort, OutputPort } from '@millrace/core';
export type { Entry, EntryOptions, Headers, RecordHeader, SendOptions } from '@millrace/core';

// Plugins
export { Plugin } from '@millrace/core';
export type { ExtendedPlugin, PluginClass, PluginContext, PortPlugin, ResourceHandlerPlugin, ServicePlugin } from '@millrace/core';

// Codecs
export { avro, bytes, json, lazy, text } from '@millrace/core';
export type { AvroSchema, Codec, LazyCodec, LazyRecord, RecordOf, ValueProblem } from '@millrace/core';

// Pipelines and plans
export { Pipeline } from '@millrace/core';
export type { AddOptions, FailurePolicy, InputOptions, InputRef, OperatorDefaults, OutputOptions, OutputRef, PipelineDefaults, PlacementKind, PlacementOptions, Plan, PlanOptions, Refs, RestartOptions } from '@millrace/core';

// Pipelines in YAML and JSON
export { loadPipeline, loadPypz, parsePypz, parseSpec, SpecError, stringifyPypz, stringifySpec, toSpec } from '@millrace/core';
export type { DefaultsSpec, LoadedPipeline, LoadedPypz, LoadPipelineOptions, LoadPypzOptions, OperatorSpec, ParsePypzOptions, ParseSpecOptions, PipelineSpec, PortSpec, PypzSpec, SpecPlace, SpecProblem, StringifyPypzOptions, ToSpecOptions, UnmappedOperator } from '@millrace/core';

// Runs
export { orchestrate, registerBackend, Run } from '@millrace/orchestrator';
export type { BackendSource, ChildInfo, OrchestrateOptions, PortMetrics, ReplicaMetrics, RunEvents, RunMetrics, RunResult, Services, StopOptions } from '@millrace/orchestrator';
export { silentLogger, stderrLogger, systemClock } from '@millrace/core';
export type { Clock, ExecutionMode, HeartbeatOptions, Logger, ReplicaOutcome, Stage, Timer } from '@millrace/core';

// Backends
export { CHANNEL_BACKEND, dropMemorySpace, memoryBackend } from '@millrace/core';
export type { ChannelBackend } from '@millrace/core';

// Errors
export { ERROR_CODES, formatProblem, MillraceError, PlanError } from '@millrace/core';
export type { ErrorCode, ErrorDetails, ErrorPlace, Problem } from '@millrace/core';

// Injection
export { ContainerModule, inject, injectable, multiInject, named, optional } from 'inversify';
