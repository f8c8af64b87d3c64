/**
 * The life of a replica, in one table.
 *
 * ```
 * Entry → ServiceStart → ResourceCreation → OperationInit → OperationRunning → OperationShutdown → ResourceDeletion → ServiceShutdown → Closed
 *              │               │                 └──────────────┴───(error, stop)──→ ┘      │ not done                     ↑           └→ Failed
 *              └───────────────┴──────────────────(error, stop)──────────────────────────────┴──────────────────────────────┘
 * ```
 *
 * A stage is a barrier: the next begins when all its hooks are done. The way out always leads through ServiceShutdown. Unlike in
 * pypz no error and no stop ever leads to ResourceDeletion: that happens only to who is done. A drain is no stop: who is asked to
 * drain goes on to OperationRunning, and comes to its end there.
 */

export type Stage = 'Entry' | 'ServiceStart' | 'ResourceCreation' | 'OperationInit' | 'OperationRunning' | 'OperationShutdown' | 'ResourceDeletion' | 'ServiceShutdown' | 'Closed' | 'Failed';

/** Which stages run, as in pypz. `Skip` runs none. */
export type ExecutionMode = 'Standard' | 'WithoutResourceDeletion' | 'ResourceCreationOnly' | 'ResourceDeletionOnly' | 'Skip';

/** How a stage ended: all hooks done; one threw; a stop was asked for. @internal */
export type StageResult = 'done' | 'failed' | 'stopped';

interface StageRow {
  /** Hook of plugins that the stage calls. */
  readonly hook?: 'onServiceStart' | 'onResourceCreation' | 'onPortOpen' | 'onPortClose' | 'onResourceDeletion' | 'onServiceShutdown';
  /** Dependents first. */
  readonly reversed?: boolean;
  /** Exit code of a replica whose first error came from here; pypz's numbers. */
  readonly exitCode: number;
  readonly done: Stage;
  readonly failed: Stage;
  readonly stopped: Stage;
}

export const STAGES: Readonly<Record<Exclude<Stage, 'Closed' | 'Failed'>, StageRow>> = {
  Entry: { exitCode: 129, done: 'ServiceStart', failed: 'Failed', stopped: 'Closed' },
  ServiceStart: { hook: 'onServiceStart', exitCode: 110, done: 'ResourceCreation', failed: 'ServiceShutdown', stopped: 'ServiceShutdown' },
  ResourceCreation: { hook: 'onResourceCreation', exitCode: 112, done: 'OperationInit', failed: 'ServiceShutdown', stopped: 'ServiceShutdown' },
  OperationInit: { hook: 'onPortOpen', exitCode: 114, done: 'OperationRunning', failed: 'OperationShutdown', stopped: 'OperationShutdown' },
  OperationRunning: { exitCode: 115, done: 'OperationShutdown', failed: 'OperationShutdown', stopped: 'OperationShutdown' },
  OperationShutdown: { hook: 'onPortClose', reversed: true, exitCode: 116, done: 'ResourceDeletion', failed: 'ServiceShutdown', stopped: 'ServiceShutdown' },
  ResourceDeletion: { hook: 'onResourceDeletion', reversed: true, exitCode: 113, done: 'ServiceShutdown', failed: 'ServiceShutdown', stopped: 'ServiceShutdown' },
  ServiceShutdown: { hook: 'onServiceShutdown', reversed: true, exitCode: 111, done: 'Closed', failed: 'Failed', stopped: 'Closed' },
};

/** Exit code of a replica that was stopped, and of one whose pre- or postExecution threw; pypz's numbers. */
export const EXIT_CODE = { done: 0, interrupted: 130, fatal: 129 } as const;

/** The stage that follows. Pure; `Closed` and `Failed` are the end. @internal */
export function nextStage(stage: Exclude<Stage, 'Closed' | 'Failed'>, result: StageResult, mode: ExecutionMode): Stage {
  if (mode === 'Skip') return 'Closed';
  if (result === 'done') {
    if (stage === 'ServiceStart' && mode === 'ResourceDeletionOnly') return 'ResourceDeletion';
    if (stage === 'ResourceCreation' && mode === 'ResourceCreationOnly') return 'ServiceShutdown';
    if (stage === 'OperationShutdown' && mode === 'WithoutResourceDeletion') return 'ServiceShutdown';
  }
  return STAGES[stage][result];
}
