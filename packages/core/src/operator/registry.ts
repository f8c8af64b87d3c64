import type { OperatorClass } from './operator.js';

const KEY = Symbol.for('@millrace/operators');
const shared = globalThis as { [KEY]?: Map<string, OperatorClass> };

/**
 * Every class that `@operator(import.meta)` has met in this process, by `module#name`: where threads, processes and YAML look a
 * class up. Shared between copies of the package. A later class of the same key wins (hot reload).
 */
export const operatorRegistry: Map<string, OperatorClass> = (shared[KEY] ??= new Map());
