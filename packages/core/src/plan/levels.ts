import type { OperatorMembers } from '../operator/index.js';
import { suggest } from './nearest.js';
import type { ProblemList } from './problem-list.js';

/** Ports and plugins of an operator in levels by `dependsOn`: each depends on levels before its own only. */
export function orderMembers({ ports, plugins }: OperatorMembers, where: string, problems: ProblemList): readonly (readonly string[])[] {
  const members = new Map([...ports.values(), ...plugins.values()].map(({ name, dependsOn }) => [name, dependsOn]));
  const waiting = new Map<string, readonly string[]>();
  for (const [name, dependsOn] of members) {
    for (const needed of dependsOn) {
      if (!members.has(needed)) problems.error('MILLRACE_DEPENDENCY_INVALID', `${where}.${name}`, `dependsOn names ${needed}, which is no port or plugin of the operator`, suggest(needed, members.keys(), 'ports and plugins'));
    }
    waiting.set(name, dependsOn.filter((needed) => members.has(needed)));
  }
  const levels: string[][] = [];
  while (waiting.size > 0) {
    const ready = [...waiting].filter(([, dependsOn]) => !dependsOn.some((needed) => waiting.has(needed))).map(([name]) => name);
    if (ready.length === 0) {
      const cycle = cycleIn(waiting);
      problems.error('MILLRACE_DEPENDENCY_INVALID', where, `dependsOn goes round in a circle: ${[...cycle, cycle[0]].join(' → ')}`, 'remove one of them from the circle');
      ready.push(...cycle);
    }
    for (const name of ready) waiting.delete(name);
    levels.push(ready);
  }
  return levels;
}

/** One circle of a graph in which every member waits for another one. */
function cycleIn(waiting: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const path: string[] = [];
  let [here] = waiting.keys();
  while (here !== undefined && !path.includes(here)) {
    path.push(here);
    here = waiting.get(here)?.find((needed) => waiting.has(needed));
  }
  return here === undefined ? path : path.slice(path.indexOf(here));
}
