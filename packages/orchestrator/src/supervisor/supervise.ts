import { decodeFact, FactKey, MillraceError, replicaName, type Control } from '@millrace/core';
import { readFacts } from '../facts.js';
import type { GenerationState } from '../generation.js';
import type { Children } from '../placement/children.js';
import { RemoteReplica } from '../placement/remote-replica.js';
import { createReplica, type Shared } from '../replicas.js';
import type { RunReplica } from '../run.js';
import { Crashes } from './crashes.js';
import { SupervisedReplica, type SupervisorEvents } from './supervised-replica.js';

/** The replicas that this start runs: here, or in the threads and processes that they are placed in. */
export function superviseReplicas(shared: Shared, away: { readonly children: Children; readonly control: Control } | undefined, events: SupervisorEvents): readonly RunReplica[] {
  const { plan, clock, generation } = shared;
  const overtaken = away && (async (): Promise<Error | undefined> => {
    const value = (await readFacts(away.control, FactKey.generation)).get(FactKey.generation);
    const newest = value && decodeFact<GenerationState>(value)?.number;
    if (newest === undefined || newest <= generation) return undefined;
    return new MillraceError('MILLRACE_FENCED', `generation ${newest} of ${plan.pipeline} began while a replica of generation ${generation} was to be started again`);
  });
  return plan.operators.flatMap((operator) => Array.from({ length: operator.replicas }, (_, index) => index).filter((index) => plan.selected(operator.name, index)).map((index): RunReplica => {
    const name = replicaName(plan.pipeline, operator.name, index);
    const common = { name, restart: operator.restart, clock, events, ...(overtaken === undefined ? {} : { overtaken }) };
    if (operator.placement === 'inline' || away === undefined) {
      return { operator: operator.name, replica: new SupervisedReplica({ ...common, begin: (own) => createReplica(shared, operator, index, own) }) };
    }
    const { children, control } = away;
    return {
      operator: operator.name,
      replica: new SupervisedReplica({
        ...common,
        crashes: new Crashes(name, operator.inputs, control),
        begin: (own, poisons) => new RemoteReplica({ name, operator: operator.name, index, child: () => children.of(name), events: own, poisons }),
      }),
    };
  }));
}
