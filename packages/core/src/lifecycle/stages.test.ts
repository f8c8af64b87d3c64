import { describe, expect, it } from 'vitest';
import { EXIT_CODE, nextStage, STAGES, type ExecutionMode, type Stage, type StageResult } from './index.js';

type ActiveStage = Exclude<Stage, 'Closed' | 'Failed'>;

const ORDER: readonly ActiveStage[] = ['Entry', 'ServiceStart', 'ResourceCreation', 'OperationInit', 'OperationRunning', 'OperationShutdown', 'ResourceDeletion', 'ServiceShutdown'];
const RESULTS: readonly StageResult[] = ['done', 'failed', 'stopped'];

/** Done, failed, stopped, of each stage; every mode but `Standard` says only where it differs. */
const STANDARD: Readonly<Record<ActiveStage, readonly [done: Stage, failed: Stage, stopped: Stage]>> = {
  Entry: ['ServiceStart', 'Failed', 'Closed'],
  ServiceStart: ['ResourceCreation', 'ServiceShutdown', 'ServiceShutdown'],
  ResourceCreation: ['OperationInit', 'ServiceShutdown', 'ServiceShutdown'],
  OperationInit: ['OperationRunning', 'OperationShutdown', 'OperationShutdown'],
  OperationRunning: ['OperationShutdown', 'OperationShutdown', 'OperationShutdown'],
  OperationShutdown: ['ResourceDeletion', 'ServiceShutdown', 'ServiceShutdown'],
  ResourceDeletion: ['ServiceShutdown', 'ServiceShutdown', 'ServiceShutdown'],
  ServiceShutdown: ['Closed', 'Failed', 'Closed'],
};
const DIFFERENT: Readonly<Record<Exclude<ExecutionMode, 'Skip'>, Partial<Record<ActiveStage, Stage>>>> = {
  Standard: {},
  WithoutResourceDeletion: { OperationShutdown: 'ServiceShutdown' },
  ResourceCreationOnly: { ResourceCreation: 'ServiceShutdown' },
  ResourceDeletionOnly: { ServiceStart: 'ResourceDeletion' },
};

const cases = (Object.keys(DIFFERENT) as (keyof typeof DIFFERENT)[]).flatMap((mode) => ORDER.flatMap((stage) => RESULTS.map((result, column): [ExecutionMode, ActiveStage, StageResult, Stage] => {
  const different = result === 'done' ? DIFFERENT[mode][stage] : undefined;
  return [mode, stage, result, different ?? STANDARD[stage][column]!];
})));

it('has a row for every stage that is not an end', () => {
  expect(Object.keys(STAGES)).toEqual(ORDER);
  expect(cases).toHaveLength(4 * 8 * 3);
});

it.each(cases)('%s: %s that is %s leads to %s', (mode, stage, result, next) => {
  expect(nextStage(stage, result, mode)).toBe(next);
});

it.each(ORDER.flatMap((stage) => RESULTS.map((result) => [stage, result] as const)))('Skip: %s that is %s leads to the end', (stage, result) => {
  expect(nextStage(stage, result, 'Skip')).toBe('Closed');
});

/** Every stage that can be reached from the first with these results. */
function reached(mode: ExecutionMode, results: readonly StageResult[]): ReadonlySet<Stage> {
  const found = new Set<Stage>(['Entry']);
  for (const stage of found) if (stage !== 'Closed' && stage !== 'Failed') for (const result of results) found.add(nextStage(stage, result, mode));
  return found;
}

describe('whatever happens', () => {
  const MODES: readonly ExecutionMode[] = ['Standard', 'WithoutResourceDeletion', 'ResourceCreationOnly', 'ResourceDeletionOnly', 'Skip'];

  it('a replica comes to an end', () => {
    for (const mode of MODES) {
      for (const result of RESULTS) {
        let stage: Stage = 'Entry';
        for (let steps = 0; stage !== 'Closed' && stage !== 'Failed'; steps++) {
          expect(steps).toBeLessThan(ORDER.length);
          stage = nextStage(stage, result, mode);
        }
      }
    }
  });

  it('nothing is deleted by an error or a stop', () => {
    for (const mode of MODES) {
      for (const stage of ORDER) {
        expect(nextStage(stage, 'failed', mode)).not.toBe('ResourceDeletion');
        expect(nextStage(stage, 'stopped', mode)).not.toBe('ResourceDeletion');
      }
    }
  });

  it('each mode runs the stages that pypz runs', () => {
    expect([...reached('Standard', ['done'])]).toEqual([...ORDER, 'Closed']);
    expect([...reached('WithoutResourceDeletion', ['done'])]).toEqual([...ORDER.filter((stage) => stage !== 'ResourceDeletion'), 'Closed']);
    expect([...reached('ResourceCreationOnly', ['done'])]).toEqual(['Entry', 'ServiceStart', 'ResourceCreation', 'ServiceShutdown', 'Closed']);
    expect([...reached('ResourceDeletionOnly', ['done'])]).toEqual(['Entry', 'ServiceStart', 'ResourceDeletion', 'ServiceShutdown', 'Closed']);
    expect([...reached('Skip', ['done'])]).toEqual(['Entry', 'Closed']);
    expect(reached('WithoutResourceDeletion', RESULTS).has('ResourceDeletion')).toBe(false);
    expect(reached('ResourceCreationOnly', RESULTS).has('OperationInit')).toBe(false);
    expect(reached('ResourceDeletionOnly', RESULTS).has('ResourceCreation')).toBe(false);
  });
});

it('has the exit codes of pypz', () => {
  expect(Object.fromEntries(ORDER.map((stage) => [stage, STAGES[stage].exitCode]))).toEqual({ Entry: 129, ServiceStart: 110, ServiceShutdown: 111, ResourceCreation: 112, ResourceDeletion: 113, OperationInit: 114, OperationRunning: 115, OperationShutdown: 116 });
  expect(EXIT_CODE).toEqual({ done: 0, interrupted: 130, fatal: 129 });
});
