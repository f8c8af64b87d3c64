import type { NamedOperator } from './names.js';
import type { ResolvedOptions } from './options.js';

/** An operator on its way into the plan: name and options are settled, channels are not. */
export interface OperatorDraft extends NamedOperator {
  readonly options: ResolvedOptions;
}
