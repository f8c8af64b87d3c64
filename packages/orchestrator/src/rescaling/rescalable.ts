import { MAX_REPLICAS, MillraceError, nearest, replicaName, rescaledPlan, type OperatorPlan, type Plan } from '@millrace/core';

/**
 * The plan with another number of replicas for one operator, where a run may go over to it while it goes on.
 * @throws MillraceError `MILLRACE_OPTION_INVALID` where there is no such operator, or no such number; `MILLRACE_RESCALE_REFUSED`
 * where state, order or records would be lost
 */
export function planRescale(plan: Plan, name: string, replicas: number): Plan {
  const operator = plan.operators.find((each) => each.name === name);
  if (operator === undefined) {
    const near = nearest(name, plan.operators.map((each) => each.name));
    throw new MillraceError('MILLRACE_OPTION_INVALID', `${plan.pipeline} has no operator ${name}; ${near === undefined ? `its operators are ${plan.operators.map((each) => each.name).join(', ')}` : `did you mean ${near}?`}`);
  }
  const where = `${plan.pipeline}.${name}`;
  if (!Number.isSafeInteger(replicas) || replicas < 1 || replicas > MAX_REPLICAS) throw new MillraceError('MILLRACE_OPTION_INVALID', `${where} cannot have ${String(replicas)} replicas; give a whole number from 1 to ${MAX_REPLICAS.toLocaleString('en')}`, { operator: where });
  const why = whyNot(plan, operator, replicas);
  if (why !== undefined) throw refused(where, `${where} keeps its ${operator.replicas}: ${why}`);
  return rescaledPlan(plan, name, replicas);
}

export function refused(operator: string, message: string, cause?: unknown): MillraceError {
  return new MillraceError('MILLRACE_RESCALE_REFUSED', message, { operator, cause });
}

function whyNot(plan: Plan, { name, inputs, outputs, states, replicas: before }: OperatorPlan, replicas: number): string | undefined {
  if (inputs.length === 0) return 'it is a source, and what a source sends is divided among its replicas by itself; start it anew with another number';
  const whole = inputs.find(({ broadcast }) => broadcast);
  if (whole !== undefined) return `every replica reads all of ${whole.name}, and a new one would not find what the others have read already; start it anew with another number`;
  const fixed = [...inputs.flatMap(({ channel, deadLetters }) => [channel, ...deadLetters]), ...outputs.flatMap(({ channels }) => channels)].find(({ capabilities }) => capabilities.fixedEnds === true);
  if (fixed !== undefined) return `whoever is at the other end of ${fixed.name} at ${fixed.location} goes by the replicas that were there first; start it anew with another number`;
  const own = states.filter(({ per }) => per === 'replica').map((state) => state.name);
  if (own.length > 0) return `each replica has state of its own (${own.join(', ')}); declare the state { per: 'partition' }, which goes along with its partitions`;
  const narrow = inputs.find(({ channel }) => channel.external === undefined && channel.partitions < replicas);
  if (narrow !== undefined) return `${narrow.channel.name} has ${narrow.channel.partitions === 1 ? 'one partition' : `${narrow.channel.partitions} partitions`}, which ${replicas} replicas cannot share; partitions never change, so give the port more of them, ports: { ${narrow.name}: { partitions: ${replicas} } }, at a start with fresh: true`;
  const foreign = Array.from({ length: Math.max(before, replicas) }, (_, index) => index).filter((index) => !plan.selected(name, index));
  if (foreign.length > 0) return `this start does not run ${foreign.map((index) => replicaName(plan.pipeline, name, index)).join(', ')}; a start whose only names ${name} as a whole can rescale it`;
  return undefined;
}
