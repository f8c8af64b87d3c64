import { Replica, replicaName, type Clock, type ExecutionMode, type Logger, type OperatorPlan, type Plan, type ReplicaEnvironment, type ReplicaEvents, type SchemaCatalog, type StatusBoard } from '@millrace/core';
import { make, type ServiceContainer } from './services.js';
import type { Transports } from './transports.js';

/** What all replicas of a start share. */
export interface Shared {
  readonly plan: Plan;
  readonly runId: string;
  readonly generation: number;
  readonly mode: ExecutionMode;
  readonly transports: Transports;
  readonly services: ServiceContainer;
  /** `undefined` where nothing runs. */
  readonly board: StatusBoard | undefined;
  readonly schemas: SchemaCatalog | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What one replica needs of that. */
export type ReplicaGround = Omit<Shared, 'plan'> & { readonly plan: Pick<Plan, 'pipeline' | 'location'> };

/** One replica, in this thread. */
export function createReplica({ plan, runId, generation, mode, transports, services, board, schemas, clock, logger }: ReplicaGround, operator: OperatorPlan, index: number, events: ReplicaEvents, after?: ReplicaEnvironment['after']): Replica {
  const name = replicaName(plan.pipeline, operator.name, index);
  const container = services.of(operator);
  return new Replica({
    pipeline: plan.pipeline, operator, index, runId, generation, mode, board, schemas, clock, events,
    homeLocation: plan.location,
    transport: (location) => transports.get(location),
    logger: logger.child({ replica: name }),
    freeze: false,
    createOperator: () => make(container, operator.type, name),
    createPlugin: (plugin) => make(container, operator.plugins.find((member) => member.name === plugin)!.type, `${name}.${plugin}`),
    ...(after === undefined ? {} : { after }),
  });
}
