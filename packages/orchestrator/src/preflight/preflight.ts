import type { OperatorPlan, Plan, Problem, Transport } from '@millrace/core';
import { checkExternalChannels } from './external-channels.js';
import { error, reason } from './findings.js';
import { readLive } from './live.js';
import { checkOwnChannels } from './own-channels.js';
import { checkGroupsLeft, checkPartitionStates, checkRescale } from './rescale.js';
import { checkClashes, checkWaitingRecords } from './schemas.js';

export interface PreflightOptions {
  /** Connected, by the location that the plan names. */
  readonly transports: ReadonlyMap<string, Transport>;
  /** Why an operator, or one of its plugins, cannot be made; `undefined` where it can. Default: nothing is asked. */
  readonly whyNot?: (operator: OperatorPlan) => Error | undefined;
}

/**
 * Holds a plan against the live backends: channels that exist, external channels and groups, schemas of records that wait,
 * counts of earlier starts, services. Only reads; all problems at once, in the form of those of the plan. Errors keep the
 * pipeline from starting.
 */
export async function preflight(plan: Plan, { transports, whyNot }: PreflightOptions): Promise<readonly Problem[]> {
  const live = await readLive(plan, transports);
  return [
    ...live.problems,
    ...checkCapabilities(plan, transports),
    ...checkOwnChannels(plan, live),
    ...checkExternalChannels(plan, live, transports),
    ...checkRescale(plan, live),
    ...checkGroupsLeft(plan, live),
    ...checkPartitionStates(plan, live),
    ...checkWaitingRecords(live),
    ...checkClashes(plan, live),
    ...(whyNot === undefined ? [] : checkInjections(plan, whyNot)),
  ];
}

/** A backend may say yes to transactions without a connection, and no with one: an old broker, another file. */
function checkCapabilities({ pipeline, location, operators }: Plan, transports: ReadonlyMap<string, Transport>): readonly Problem[] {
  if (transports.get(location)?.capabilities.transactions !== false) return [];
  return operators.filter(({ delivery }) => delivery === 'exactly-once').map(({ name }) => error('MILLRACE_DELIVERY_IMPOSSIBLE', `${pipeline}.${name}`, `exactly-once needs transactions, and ${location} turns out not to have them`, "ask for 'at-least-once', or use a location with transactions"));
}

/** Of the replicas that this start runs. */
function checkInjections(plan: Plan, whyNot: (operator: OperatorPlan) => Error | undefined): readonly Problem[] {
  return plan.operators.flatMap((operator) => {
    if (!Array.from({ length: operator.replicas }, (_, index) => index).some((index) => plan.selected(operator.name, index))) return [];
    let why: Error | undefined;
    try {
      why = whyNot(operator);
    } catch (thrown) {
      why = thrown instanceof Error ? thrown : new Error(String(thrown));
    }
    return why === undefined ? [] : [error('MILLRACE_INJECTION_FAILED', `${plan.pipeline}.${operator.name}`, reason(why), 'bind what it asks for in services')];
  });
}
