/**
 * What operators, pipelines, plans, codecs and channels are made of, with channels in memory. For backends and for tools; operators import `millrace`.
 * @module @millrace/core
 */
import 'reflect-metadata';

export * from './channel/index.js';
export * from './clock/index.js';
export * from './codec/index.js';
export * from './error/index.js';
export { singleObjectHeader } from './external/index.js';
export * from './lifecycle/index.js';
export * from './logger/index.js';
export * from './memory/index.js';
export * from './operator/index.js';
export * from './pipeline/index.js';
export * from './plan/index.js';
export * from './plugin/index.js';
export * from './port/index.js';
export * from './runtime/index.js';
export * from './spec/index.js';
