import { WAKE, type Operator, type OperatorContext } from '../operator/index.js';
import type { Plugin } from '../plugin/index.js';
import type { ReplicaEnvironment } from './environment.js';

/** Gives a new instance what it has through its whole life: parameters, context, plugins, and how to ask for a step. */
export function bindOperator(instance: Operator, name: string, env: ReplicaEnvironment, plugins: ReadonlyMap<string, Plugin>, wake: () => void): void {
  const { pipeline, operator, index, runId, generation, logger } = env;
  const context: OperatorContext = { pipeline, operator: operator.name, name, replica: index, replicas: operator.replicas, runId, generation, logger };
  const hidden = { parameters: operator.parameters, context, [WAKE]: wake };
  for (const key of Reflect.ownKeys(hidden)) Object.defineProperty(instance, key, { value: hidden[key as keyof typeof hidden], configurable: true });
  for (const [field, value] of plugins) Object.defineProperty(instance, field, { value, enumerable: true, configurable: true });
}
