import type { Stage } from '@millrace/core';
import type { Run } from '@millrace/orchestrator';

/** An answer to a probe. */
export interface Health {
  readonly ok: boolean;
  /** Why not; also what is worth knowing though it is no reason. */
  readonly reasons: readonly string[];
  readonly stages: Readonly<Record<string, Stage>>;
}

/**
 * Whether a process does its work. Live: nothing has failed, and no hook has been away for longer than `stepTimeout`; a process
 * that is not live should be started again. Ready: every replica of this start runs, or is done, and none was asked to stop.
 */
export class HealthOfRun {
  #run: Run | undefined;
  #isStopping = false;
  #failure: string | undefined;
  /** What was stuck, by replica, with the steps that it had done. */
  readonly #stuck = new Map<string, { readonly message: string; steps: number | undefined }>();
  readonly #degraded = new Map<string, string>();

  watch(run: Run): void {
    this.#run = run;
    run.on('stuck', (replica, error) => this.#stuck.set(replica, { message: error.message, steps: undefined }));
    run.on('stage', (replica) => this.#stuck.delete(replica));
    run.on('restart', (replica) => this.#stuck.delete(replica));
    run.on('error', (_replica, error, _source, fatal) => {
      if (fatal) this.#failure ??= error.message;
    });
    run.on('degraded', (replica, port, writers) => {
      const key = `${replica}.${port}`;
      if (writers.length === 0) this.#degraded.delete(key);
      else this.#degraded.set(key, `${key}: no sign of life of ${writers.join(', ')}`);
    });
    // A step that came back shows in the count of steps.
    run.on('progress', ({ replicas }) => {
      for (const { replica, steps } of replicas) {
        const stuck = this.#stuck.get(replica);
        if (stuck?.steps !== undefined && stuck.steps !== steps) this.#stuck.delete(replica);
        else if (stuck !== undefined) stuck.steps = steps;
      }
    });
  }

  /** It was asked to end. */
  stopping(): void {
    this.#isStopping = true;
  }

  live(): Health {
    const reasons = [...(this.#failure === undefined ? [] : [this.#failure]), ...[...this.#stuck.values()].map(({ message }) => message)];
    return { ok: reasons.length === 0, reasons, stages: this.#stages };
  }

  ready(): Health {
    const stages = this.#stages;
    const reasons = Object.entries(stages).filter(([, stage]) => stage !== 'OperationRunning' && stage !== 'Closed').map(([replica, stage]) => `${replica} is in ${stage}`);
    if (this.#run === undefined) reasons.push('starting');
    if (this.#isStopping) reasons.push('stopping');
    if (this.#run?.exitCode !== undefined) reasons.push('ended');
    const { ok: isLive, reasons: more } = this.live();
    return { ok: isLive && reasons.length === 0, reasons: [...reasons, ...more, ...this.#degraded.values()], stages };
  }

  get #stages(): Health['stages'] {
    return Object.fromEntries(this.#run?.stages ?? []);
  }
}
