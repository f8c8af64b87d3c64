import type { OperatorClass } from './operator.js';

const KEY = Symbol.for('@millrace/operators');
const WAITING = Symbol.for('@millrace/awaited-operators');
const shared = globalThis as { [KEY]?: Map<string, OperatorClass>; [WAITING]?: Map<string, ((type: OperatorClass) => void)[]> };

/**
 * Every class that `@operator(import.meta)` has met in this process, by `module#name`: where threads, processes and YAML look a
 * class up. Shared between copies of the package. A later class of the same key wins (hot reload).
 * @internal
 */
export const operatorRegistry: Map<string, OperatorClass> = (shared[KEY] ??= new Map());
const waiting = (shared[WAITING] ??= new Map<string, ((type: OperatorClass) => void)[]>());

/** Enters a class, and hands it to whoever waits for it. */
export function declareOperator(key: string, type: OperatorClass): void {
  operatorRegistry.set(key, type);
  for (const resolve of waiting.get(key) ?? []) resolve(type);
  waiting.delete(key);
}

/**
 * The class of a key, as soon as it is declared. A module that declares operators may also start a pipeline and then never finish
 * loading in a child, so its loading is nothing to wait for.
 * @internal
 */
export function operatorDeclared(key: string): Promise<OperatorClass> {
  const known = operatorRegistry.get(key);
  if (known !== undefined) return Promise.resolve(known);
  return new Promise((resolve) => waiting.set(key, [...(waiting.get(key) ?? []), resolve]));
}
