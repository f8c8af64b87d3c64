import type { Capabilities } from '../channel/spi.js';
import { operatorMetadataOf, operatorRegistry } from '../operator/index.js';
import type { OperatorDraft } from './draft.js';
import type { ResolvedOptions } from './options.js';
import type { ChildrenPlan, OperatorPlan, RestartPlan } from './plan.js';
import { reasonOf, type ProblemList } from './problem-list.js';
import { channelsOf } from './plan-walk.js';

/** Reaches from near to far. */
const REACHES: readonly Capabilities['reach'][] = ['thread', 'process', 'host', 'network'];
/** How far a backend must reach for a placement: threads share a process, processes a host. */
const NEEDED = { inline: 'thread', thread: 'process', process: 'host' } as const;

const RESTART_DEFAULTS: Omit<RestartPlan, 'afterErrors'> = { times: 5, within: 60_000, backoff: 200, longest: 30_000 };

/** Where the replicas of an operator run, and when they are started again. */
export function resolvePlacement(name: string, { operator, ownPlacement }: ResolvedOptions): Pick<OperatorPlan, 'placement' | 'restart'> & { readonly children: ChildrenPlan } {
  const { placement, restart } = operator;
  const { kind, count, memory, killAfter = 0 } = typeof placement === 'string' ? { kind: placement } : placement;
  return {
    placement: kind,
    children: { pool: ownPlacement ? name : `every ${kind}`, count, memory, killAfter },
    restart: restart === false ? { ...RESTART_DEFAULTS, times: 0, afterErrors: false } : { ...RESTART_DEFAULTS, ...restart, afterErrors: restart !== undefined },
  };
}

/** Checks that replicas which run elsewhere find their class, their parameters and their channels there. */
export function checkPlacement(draft: OperatorDraft, plan: OperatorPlan, home: { readonly location: string; readonly capabilities: Capabilities }, problems: ProblemList): void {
  const { placement, type, module } = plan;
  if (placement === 'inline') return;
  const elsewhere = `in a ${placement}`;
  const impossible = (what: string, remedy: string): void => problems.error('MILLRACE_PLACEMENT_IMPOSSIBLE', draft.where, what, remedy);
  const key = `${module ?? ''}#${operatorMetadataOf(type)?.name ?? ''}`;
  if (module === undefined) impossible(`it is placed ${elsewhere}, which cannot find the class ${type.name}`, 'write @operator(import.meta) above the class');
  else if (operatorRegistry.get(key) !== type) impossible(`it is placed ${elsewhere}, which would run another class: ${module} has since declared a second one called ${type.name}`, 'use the later class, or give the operators different names');

  const places = [home, ...channelsOf(plan)];
  const short = places.filter(({ capabilities }) => REACHES.indexOf(capabilities.reach) < REACHES.indexOf(NEEDED[placement]));
  for (const location of new Set(short.map((place) => place.location))) {
    const reach = short.find((place) => place.location === location)?.capabilities.reach ?? 'thread';
    impossible(`it is placed ${elsewhere}, and ${location} reaches no further than its own ${reach}`, `place it inline, or use a backend that reaches ${placement === 'thread' ? 'other threads' : 'other processes'}, such as local: or kafka:`);
  }

  try {
    structuredClone(draft.node.parameters);
  } catch (thrown) {
    impossible(`it is placed ${elsewhere}, and its parameters cannot be handed over: ${reasonOf(thrown)}`, 'give plain values, and services by injection');
  }
}
