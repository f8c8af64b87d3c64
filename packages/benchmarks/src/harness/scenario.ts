import type { Figure } from './figure.js';

/** Something to measure. */
export interface Scenario {
  /** `suite/scenario`; one with several figures appends to it. */
  readonly bench: string;
  run(): Promise<readonly Figure[]>;
}
