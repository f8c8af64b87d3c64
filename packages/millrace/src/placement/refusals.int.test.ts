import { localBackend } from '@millrace/local-io';
import { expect, it } from 'vitest';
import { ContainerModule, orchestrate, Pipeline, PlanError, silentLogger, type OrchestrateOptions } from '../index.js';
import { WITH_CHILDREN, workshops } from './fixtures.js';
import { hidden } from './operators.js';

const make = workshops();

async function problemsOf(options: Partial<OrchestrateOptions>): Promise<readonly string[]> {
  const error = await make().start({ work: { placement: 'process' }, options }).then(() => undefined, (thrown: unknown) => thrown);
  return error instanceof PlanError ? error.problems.map(({ where, what, code }) => `${where}: ${what} [${code}]`) : [String(error)];
}

it('what a process cannot be given is refused before anything is connected, all at once', async () => {
  const problems = await problemsOf({
    services: new ContainerModule(() => {}),
    location: 'local:never-made',
    backends: [{ ...localBackend }],
    connect: { 'local:never-made': { call: () => undefined } },
  });
  expect(problems).toEqual([
    'services: bindings given as objects cannot be brought to threads and processes, in which work runs [MILLRACE_PLACEMENT_IMPOSSIBLE]',
    'backends: the backend of local:, given as an object, cannot be brought to threads and processes, in which work runs [MILLRACE_PLACEMENT_IMPOSSIBLE]',
    expect.stringMatching(/^connect: the options for connect cannot be handed to threads and processes, in which work runs: .* \[MILLRACE_PLACEMENT_IMPOSSIBLE\]$/),
  ]);
});

it('the backend that a process would load by itself may be given as an object too', async () => {
  const run = await make().start({ options: { backends: [localBackend], only: ['sink'], runId: 'r' }, work: { placement: 'process' } });
  expect((await run.stop()).outcome).toBe('stopped');
});

it('a channel that reaches no further than this thread is refused', async () => {
  expect(await problemsOf({ location: 'memory:' })).toEqual([expect.stringMatching(/work: it is placed in a process, and memory:\S* reaches no further than its own thread \[MILLRACE_PLACEMENT_IMPOSSIBLE\]$/)]);
});

it('a class that its module does not declare when it is loaded fails the run without restarts', async () => {
  const shop = make();
  const pipeline = new Pipeline('hiding');
  pipeline.add(hidden(), { count: 1 }, { name: 'source', placement: 'process' });
  const run = await orchestrate(pipeline, { location: shop.location, logger: silentLogger, handleSignals: false });
  const restarts: unknown[] = [];
  run.on('restart', (...event) => restarts.push(event));
  await expect(run.completed).rejects.toMatchObject({ code: 'MILLRACE_CLASS_NOT_FOUND', message: expect.stringContaining('declares no operator Hidden') });
  expect(restarts).toEqual([]);
}, WITH_CHILDREN);
