export { CONFORMANCE_CASES, channelConformance, registerChannelConformance } from './suite.js';
export type { BoundCase, ConformanceOutcome, ConformanceRunner, RegistrationOptions } from './suite.js';
export { ConformanceContext } from './context.js';
export type { ConformanceCase, ConformanceFactory, ConformanceNeed, ConformanceOptions, ConformanceTarget } from './types.js';
