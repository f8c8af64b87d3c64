import type { ChannelBackend, OperatorPlan, Plan, Problem } from '@millrace/core';
import { backendModules, resolveBackends, type BackendSource } from '../backends.js';
import { unreadable } from './entry.js';

export interface ChildRequest {
  readonly plan: Plan;
  readonly backends: readonly ChannelBackend[];
  readonly given: readonly BackendSource[] | undefined;
  readonly services: unknown;
  readonly connect: unknown;
}

/** What threads and processes cannot be given: they load services and backends themselves, and get values by structured clone. */
export async function checkChildren({ plan, backends, given, services, connect }: ChildRequest): Promise<readonly Problem[]> {
  const placed = plan.operators.filter(({ placement }) => placement !== 'inline');
  if (placed.length === 0) return [];
  const problems: Problem[] = [];
  const impossible = (where: string, what: string, remedy: string): void => void problems.push({ code: 'MILLRACE_PLACEMENT_IMPOSSIBLE', severity: 'error', where, what, remedy });
  const names = placed.map(({ name }) => name).join(', ');
  const run = placed.length === 1 ? 'runs' : 'run';

  if (services !== undefined && !(services instanceof URL)) impossible('services', `bindings given as objects cannot be brought to threads and processes, in which ${names} ${run}`, "export them as the default of a module, and give its URL: services: new URL('./services.js', import.meta.url)");
  const locations = [...new Set(placed.flatMap((operator) => locationsOf(operator, plan)))];
  const here = bySchemes(backends);
  const there = bySchemes(await resolveBackends((given ?? []).filter((source) => source instanceof URL), locations));
  for (const scheme of new Set(locations.map((location) => location.slice(0, location.indexOf(':'))))) {
    if (here.has(scheme) && there.get(scheme) !== here.get(scheme)) impossible('backends', `the backend of ${scheme}:, given as an object, cannot be brought to threads and processes, in which ${names} ${run}`, "export it as the default of a module, and give its URL: backends: [new URL('./backend.js', import.meta.url)]");
  }
  try {
    structuredClone(connect);
  } catch (thrown) {
    impossible('connect', `the options for connect cannot be handed to threads and processes, in which ${names} ${run}: ${(thrown as Error).message}`, 'give plain values');
  }
  for (const operator of placed) cloneable(operator, plan, impossible);
  const sources = unreadable([...placed.flatMap(({ module }) => module ?? []), ...(services instanceof URL ? [services.href] : []), ...backendModules(given, locations).map(({ module }) => module)]);
  if (sources.length > 0) impossible('placement', `threads and processes cannot load TypeScript: ${[...new Set(sources)].join(', ')}`, 'install tsx, or build first and run what was built');
  return problems;
}

function cloneable({ name, inputs, outputs }: OperatorPlan, { pipeline }: Plan, impossible: (where: string, what: string, remedy: string) => void): void {
  for (const { name: port, backend } of [...inputs, ...outputs]) {
    try {
      structuredClone(backend);
    } catch (thrown) {
      impossible(`${pipeline}.${name}.${port}.backend`, `the operator runs in a thread or process, and the backend's options cannot be handed over: ${(thrown as Error).message}`, 'give plain values');
    }
  }
}

function locationsOf({ inputs, outputs }: OperatorPlan, { location }: Plan): readonly string[] {
  return [location, ...[...inputs.flatMap((input) => [input.channel, ...input.deadLetters]), ...outputs.flatMap(({ channels }) => channels)].map((channel) => channel.location)];
}

function bySchemes(backends: readonly ChannelBackend[]): ReadonlyMap<string, ChannelBackend> {
  return new Map(backends.flatMap((backend) => backend.schemes.map((scheme) => [scheme, backend] as const)));
}
