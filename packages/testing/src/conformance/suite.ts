import { commitCases } from './cases/commit.js';
import { controlCases } from './cases/control.js';
import { fencingCases } from './cases/fencing.js';
import { pressureCases } from './cases/pressure.js';
import { readingCases } from './cases/reading.js';
import { recordCases } from './cases/records.js';
import { recoveryCases } from './cases/recovery.js';
import { resourceCases } from './cases/resources.js';
import { retentionCases } from './cases/retention.js';
import { wakeCases } from './cases/wake.js';
import { broken } from './check.js';
import { ConformanceContext } from './context.js';
import { notApplicable, type ConformanceCase, type ConformanceFactory, type ConformanceOptions } from './types.js';
import type { Capabilities } from '@millrace/core';

/** Every case of the suite, by group. */
export const CONFORMANCE_CASES: readonly ConformanceCase[] = [
  ...resourceCases,
  ...recordCases,
  ...commitCases,
  ...fencingCases,
  ...readingCases,
  ...pressureCases,
  ...wakeCases,
  ...controlCases,
  ...retentionCases,
  ...recoveryCases,
];

/** What became of a case that did not fail. */
export type ConformanceOutcome =
  | { readonly applicable: true }
  /** The backend does not promise what the case is about. */
  | { readonly applicable: false; readonly reason: string };

/** A case bound to a place. */
export interface BoundCase {
  readonly group: string;
  readonly name: string;
  /**
   * Makes a place, runs the case there and cleans up.
   * @throws MillraceError `MILLRACE_CONFORMANCE` where the backend breaks the promise; other errors as they come.
   */
  run(): Promise<ConformanceOutcome>;
}

/**
 * The channel conformance suite: a case for each promise that the channel SPI and the delivery guarantees make, bound to a
 * backend. For any test runner; {@link registerChannelConformance} puts it into one with `describe` and `it`.
 */
export function channelConformance(factory: ConformanceFactory, options: ConformanceOptions = {}): readonly BoundCase[] {
  return CONFORMANCE_CASES.map((conformanceCase) => ({
    group: conformanceCase.group,
    name: conformanceCase.name,
    run: () => runCase(conformanceCase, factory, options),
  }));
}

async function runCase(conformanceCase: ConformanceCase, factory: ConformanceFactory, options: ConformanceOptions): Promise<ConformanceOutcome> {
  const target = await factory();
  const context = new ConformanceContext(target, options);
  const reason = notApplicable(conformanceCase, context.capabilities, target.restart !== undefined);
  const errors: unknown[] = [];
  try {
    if (reason === undefined) await conformanceCase.run(context);
  } catch (error) {
    errors.push(error);
  }
  try {
    await context.dispose();
  } catch (error) {
    errors.push(error);
  }
  if (errors.length > 1) throw new AggregateError(errors, `${String(errors[0])}; and cleaning up failed: ${String(errors[1])}`);
  if (errors.length === 1) throw errors[0];
  return reason === undefined ? { applicable: true } : { applicable: false, reason };
}

/** The part of a test runner that the suite is put into: of vitest, node:test, jest or mocha. */
export interface ConformanceRunner {
  readonly describe: (name: string, define: () => void) => unknown;
  /** @param timeout ms for the whole test; vitest and jest take it, the others have no limit or one of their own */
  readonly it: (name: string, run: () => Promise<void>, timeout: number) => unknown;
}

/** A case ends by itself, and says what it waited for: a runner that stops it first, as vitest does after 5 s, says nothing of that. */
const CASE_TIMEOUT = 60_000;

export interface RegistrationOptions extends ConformanceOptions {
  /** Title of the suite. Default: `channel conformance`. */
  readonly title?: string;
  /** What the backend says of itself at the place, so that titles tell which cases say nothing about it, and why. */
  readonly capabilities: Capabilities;
  /** Whether the targets can restart. Default false. */
  readonly restart?: boolean;
}

/**
 * Registers every case as a test. A case that says nothing about the backend is registered too: its title gives the reason, and
 * the test holds the backend to it, so that a case does not drop out unseen.
 */
export function registerChannelConformance({ describe, it }: ConformanceRunner, factory: ConformanceFactory, options: RegistrationOptions): void {
  describe(options.title ?? 'channel conformance', () => {
    for (const group of new Set(CONFORMANCE_CASES.map((each) => each.group))) {
      describe(group, () => {
        for (const conformanceCase of CONFORMANCE_CASES) {
          if (conformanceCase.group !== group) continue;
          const expected = notApplicable(conformanceCase, options.capabilities, options.restart ?? false);
          it(`${conformanceCase.name}${expected === undefined ? '' : ` [not applicable: ${expected}]`}`, async () => {
            const outcome = await runCase(conformanceCase, factory, options);
            const actual = outcome.applicable ? undefined : outcome.reason;
            if (actual !== expected) throw broken(`the capabilities given to the suite are those at the place: ${expected ?? 'the case applies'}, but there ${actual ?? 'it applies'}`);
          }, CASE_TIMEOUT);
        }
      });
    }
  });
}
