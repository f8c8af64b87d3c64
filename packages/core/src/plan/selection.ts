import { suggest } from './nearest.js';
import type { OperatorPlan } from './plan.js';
import { shown, type ProblemList } from './problem-list.js';

/** Reads `only`: which replicas this start runs. */
export function selectReplicas(only: readonly string[] | undefined, runId: string | undefined, operators: readonly OperatorPlan[], problems: ProblemList): (operator: string, index: number) => boolean {
  if (runId !== undefined && (typeof runId !== 'string' || !/^[\w.:-]{1,128}$/.test(runId))) problems.error('MILLRACE_OPTION_INVALID', 'runId', `runId is ${shown(runId)}`, 'give 1 to 128 letters, digits and . : _ -, the same to every start of the run');
  if (only === undefined) return () => true;
  if (runId === undefined) problems.error('MILLRACE_RUN_ID_MISSING', 'only', 'only is given without a runId', 'give every start of the run the same runId; without one each start takes the others’ replicas away');
  const entries = Array.isArray(only) ? (only as readonly unknown[]) : [only];
  if (entries.length === 0) problems.error('MILLRACE_OPTION_INVALID', 'only', 'only names no replica', 'name some, or leave it out for all');
  const chosen = new Set<string>();
  for (const entry of entries) {
    const [, name = '', index] = /^([^#]*)(?:#(\d+))?$/.exec(String(entry)) ?? [];
    const operator = operators.find((candidate) => candidate.name === name);
    if (operator === undefined) problems.error('MILLRACE_OPTION_INVALID', 'only', `${shown(entry)} names no operator`, `write 'operator' or 'operator#index'; ${suggest(name === '' ? String(entry) : name, operators.map((known) => known.name), 'operators')}`);
    else if (index !== undefined && Number(index) >= operator.replicas) problems.error('MILLRACE_OPTION_INVALID', 'only', `${shown(entry)} names a replica that there is not`, `${name} has ${operator.replicas}: ${name}#0${operator.replicas > 1 ? ` to ${name}#${operator.replicas - 1}` : ''}`);
    else chosen.add(index === undefined ? name : `${name}#${Number(index)}`);
  }
  return (operator, index) => chosen.has(operator) || chosen.has(`${operator}#${index}`);
}
