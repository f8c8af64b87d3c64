import { formatProblem, PlanError, type Plan } from '@millrace/core';
import { registeredSchemes, resolveBackends } from '@millrace/orchestrator';
import { EXIT, tellFailure } from './failure.js';
import { prepare, type PipelineFlags, type Prepared } from './run-options.js';
import { colorsOf, type Streams } from './terminal.js';

export interface PlanFlags extends PipelineFlags {
  readonly format: 'text' | 'json' | 'mermaid';
}

/** `millrace plan`. A plan with errors is printed too, and fails. */
export async function plan(target: string, flags: PlanFlags, { out, err }: Streams): Promise<number> {
  const made = await planOf(await prepare(target, flags));
  out.write(`${flags.format === 'json' ? JSON.stringify(made.toJSON(), undefined, 2) : flags.format === 'mermaid' ? made.toMermaid() : made.toText()}\n`);
  const errors = made.problems.filter(({ severity }) => severity === 'error');
  if (errors.length > 0 && flags.format === 'json') tellFailure(new PlanError(made.pipeline, made.problems), err, EXIT.failed, flags);
  // The text lists them itself.
  if (flags.format === 'mermaid') for (const problem of errors) err.write(`${colorsOf(err).red('error')} ${formatProblem(problem)}\n`);
  return errors.length === 0 ? EXIT.done : EXIT.failed;
}

/** The plan of a prepared pipeline, with its problems. */
export async function planOf({ pipeline, options: { location, backends, defaults, only, runId } }: Prepared): Promise<Plan> {
  const locations = [location, ...pipeline.definition().bindings.map((binding) => binding.location)];
  return pipeline.plan({ location, backends: await resolveBackends(backends, locations), schemes: registeredSchemes(), defaults, only, runId });
}

/** @throws PlanError where the plan has errors */
export async function soundPlanOf(prepared: Prepared): Promise<Plan> {
  const made = await planOf(prepared);
  if (made.problems.some(({ severity }) => severity === 'error')) throw new PlanError(made.pipeline, made.problems);
  return made;
}
