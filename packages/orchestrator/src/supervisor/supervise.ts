import { decodeFact, FactKey, MillraceError, replicaName, type Control, type OperatorPlan } from '@millrace/core';
import { readFacts } from '../facts.js';
import type { GenerationState } from '../generation.js';
import { handOver, handOverGround } from '../rescaling/hand-over.js';
import type { Children } from '../placement/children.js';
import { RemoteReplica } from '../placement/remote-replica.js';
import { createReplica, type Shared } from '../replicas.js';
import type { PastCounters } from './counters.js';
import { Crashes } from './crashes.js';
import { ReplicaSet } from './replica-set.js';
import { SupervisedReplica, type SupervisorEvents } from './supervised-replica.js';

/** The replicas that this start runs, by operator: here, or in the threads and processes that they are placed in. */
export function superviseReplicas(shared: Shared, away: { readonly children: Children; readonly control: Control } | undefined, events: SupervisorEvents): readonly ReplicaSet[] {
  const { plan, clock, generation, board } = shared;
  const overtaken = away && (async (): Promise<Error | undefined> => {
    const value = (await readFacts(away.control, FactKey.generation)).get(FactKey.generation);
    const newest = value && decodeFact<GenerationState>(value)?.number;
    if (newest === undefined || newest <= generation) return undefined;
    return new MillraceError('MILLRACE_FENCED', `generation ${newest} of ${plan.pipeline} began while a replica of generation ${generation} was to be started again`);
  });
  const create = (operator: OperatorPlan, index: number, past: PastCounters | undefined): SupervisedReplica => {
    const name = replicaName(plan.pipeline, operator.name, index);
    const common = { name, restart: operator.restart, clock, events, ...(overtaken === undefined ? {} : { overtaken }), ...(past === undefined ? {} : { past }) };
    if (operator.placement === 'inline' || away === undefined) return new SupervisedReplica({ ...common, begin: (own) => createReplica(shared, operator, index, own) });
    const { children, control } = away;
    return new SupervisedReplica({
      ...common,
      crashes: new Crashes(name, operator.inputs, control),
      begin: (own, poisons) => new RemoteReplica({ name, operator: operator.name, index, replicas: operator.replicas, child: () => children.of(name), events: own, poisons }),
    });
  };
  const hand = away && board && (async (operator: OperatorPlan, before: number): Promise<void> => {
    const newer = await overtaken!();
    if (newer !== undefined) throw newer;
    await Promise.all([handOver(handOverGround(shared, board, away.control, operator), operator, before), away.children.rescale(operator, before)]);
  });
  const areDone = async (replicas: readonly string[]): Promise<boolean> => {
    await board?.catchUp();
    const standings = board?.standings();
    return replicas.every((replica) => standings?.get(replica) === 'done');
  };
  return plan.operators.map((operator) => new ReplicaSet({ plan, operator, events, create, areDone, ...(hand === undefined ? {} : { handOver: hand }) }));
}
