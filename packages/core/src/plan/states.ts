import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { StateMetadata } from '../operator/index.js';
import type { OperatorPlan } from './plan.js';
import { reasonOf, sentence, type ProblemList } from './problem-list.js';

/** Checks the state of an operator: it begins with a default, travels as JSON, and has partitions to belong to. */
export function checkStates(plan: OperatorPlan, where: string, problems: ProblemList): void {
  for (const state of plan.states) {
    checkDefault(state, `${where}.${state.name}`, problems);
    if (state.per === 'partition') checkPartitions(plan, `${where}.${state.name}`, problems);
  }
}

function checkDefault({ schema }: StateMetadata, where: string, problems: ProblemList): void {
  const invalid = (what: string, remedy: string): void => problems.error('MILLRACE_STATE_INVALID', where, what, remedy);
  let initial: unknown;
  try {
    const nothing = schema.safeParse(undefined);
    const parsed = nothing.success && nothing.data !== undefined ? nothing : schema.safeParse({});
    if (!parsed.success) {
      if (nothing.success) invalid('the state begins as undefined, which cannot be stored', 'give it a .default(), which may be null');
      else invalid(`the state does not begin with a value: ${withoutDefault(parsed.error.issues)}`, 'give every member a .default()');
      return;
    }
    initial = parsed.data;
  } catch (thrown) {
    invalid(`the check of the state failed: ${reasonOf(thrown)}`, 'state is parsed synchronously; refinements and transforms must neither throw nor be async');
    return;
  }
  let again: unknown;
  try {
    const text = JSON.stringify(z.encode(schema, initial)) as string | undefined;
    again = text === undefined ? undefined : z.decode(schema, JSON.parse(text) as z.input<typeof schema>);
  } catch (thrown) {
    invalid(`the state cannot be stored as JSON: ${reasonOf(thrown)}`, 'use types that JSON has, or z.codec() for those that it has not (dates, maps, bigint)');
    return;
  }
  if (!isDeepStrictEqual(again, initial)) invalid('the state changes when it is stored as JSON and read again', 'use types that JSON has, or z.codec() for those that it has not (dates, maps, bigint)');
}

function withoutDefault(issues: readonly z.core.$ZodIssue[]): string {
  const refined = issues.filter(({ code }) => code === 'custom').map(({ message }) => sentence(message));
  const missing = issues.filter(({ code, path }) => code !== 'custom' && path.length > 0).map(({ path }) => path.join('.'));
  if (missing.length === 0 && refined.length === 0) return 'it has no default';
  return [...(missing.length === 0 ? [] : [`${missing.join(', ')} ${missing.length === 1 ? 'has' : 'have'} no default`]), ...refined].join(', ');
}

/** A value per partition belongs to the replica that reads that partition, so exactly one must, of each input alike. */
function checkPartitions({ inputs }: OperatorPlan, where: string, problems: ProblemList): void {
  const shared = inputs.filter((input) => !input.broadcast);
  if (shared.length === 0) {
    problems.error('MILLRACE_STATE_INVALID', where, `state per partition belongs to partitions that replicas share, and the operator has ${inputs.length === 0 ? 'no input' : 'broadcast inputs only'}`, "declare it { per: 'replica' }");
    return;
  }
  // How many an external channel has is known to the preflight only.
  const counted = shared.filter((input) => input.channel.external === undefined);
  if (new Set(counted.map((input) => input.channel.partitions)).size > 1) {
    problems.error('MILLRACE_STATE_INVALID', where, `state per partition needs inputs of equal partition counts: ${counted.map((input) => `${input.name} has ${input.channel.partitions}`).join(', ')}`, `give each of them partitions: ${Math.max(...counted.map((input) => input.channel.partitions))}`);
  }
}
