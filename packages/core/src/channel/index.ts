export { decodeFact, encodeFact, FactKey } from './facts.js';
export { armFailPoints, FAIL_POINTS, failPoint, type FailPoint } from './fail-point.js';
export { keyAndHeaderBytes, largestRecord } from './record-size.js';
export { SchemaCatalog } from './schema-catalog.js';
export * from './spi.js';
export { DEFAULT_HEARTBEAT, NO_CHANNEL, StatusBoard, type ChannelStatus, type HeartbeatOptions, type StatusFact } from './status-board.js';
