export { EXIT_CODE, nextStage, STAGES, type ExecutionMode, type Stage, type StageResult } from './stages.js';
