import type { Reporter, SerializedError, TestModule, TestSuite, Vitest } from 'vitest/node';

/**
 * Ends a run with `N passed, N failed, N skipped`. A file or hook that broke counts as failed even though the tests it
 * should have run never got a result. A skipped test is one that this machine could not run: named in red, and a failure with CI=true.
 */
export class ClosingLineReporter implements Reporter {
  #vitest: Vitest | undefined;

  onInit(vitest: Vitest): void {
    this.#vitest = vitest;
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const broken = (suite: TestModule | TestSuite): number => (suite.errors().length > 0 ? 1 : 0);
    let passed = 0, failed = unhandled.length;
    const skipped: string[] = [];
    for (const module of modules) {
      failed += broken(module);
      for (const suite of module.children.allSuites()) failed += broken(suite);
      for (const test of module.children.allTests()) {
        const result = test.result();
        if (result.state === 'passed') passed++;
        else if (result.state === 'skipped') skipped.push(`${module.relativeModuleId} > ${test.fullName}${result.note ? `: ${result.note}` : ''}`);
        else failed++;
      }
    }
    // A name pattern skips what it does not match; nobody wants to read those.
    const chosen = this.#vitest?.config.testNamePattern !== undefined;
    if (skipped.length > 0 && !chosen) {
      const inCi = process.env['CI'] === 'true';
      if (inCi) process.exitCode = 1;
      process.stdout.write(`\u001b[31m${inCi ? 'Skipped, which fails with CI=true' : 'Skipped'}:\n${skipped.map((name) => `  ${name}`).join('\n')}\u001b[39m\n`);
    }
    const line = `${passed} passed, ${failed} failed, ${skipped.length} skipped\n`;
    if (this.#vitest?.config.watch) process.stdout.write(line);
    // Other reporters, coverage and the tear-down may still have something to say; this line comes after all of them.
    else process.once('exit', () => process.stdout.write(line));
  }
}
