export { resolveExternalChannels } from './external-partitions.js';
export { preflight, type PreflightOptions } from './preflight.js';
