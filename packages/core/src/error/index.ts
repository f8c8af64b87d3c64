export { ERROR_CODES, type ErrorCode } from './codes.js';
export { MillraceError, toError, type ErrorDetails, type ErrorPlace } from './millrace-error.js';
export { formatProblem, PlanError, type Problem } from './problem.js';
