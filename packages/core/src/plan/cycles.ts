import type { ChannelPlan, OperatorPlan } from './plan.js';
import type { ProblemList } from './problem-list.js';

/** Who sends to whom, over channels of the pipeline. */
class Graph {
  readonly #next = new Map<string, Set<string>>();

  constructor(readonly channels: readonly ChannelPlan[]) {
    for (const { writers, reader } of channels) {
      if (reader !== undefined) for (const { operator } of writers) this.#next.set(operator, (this.#next.get(operator) ?? new Set()).add(reader.operator));
    }
  }

  /** The shortest way from one operator to another, over at least one channel; `undefined` where there is none. */
  path(from: string, to: string): readonly string[] | undefined {
    const cameFrom = new Map<string, string>();
    const queue = [from];
    for (const here of queue) {
      for (const next of this.#next.get(here) ?? []) {
        if (next === to) {
          const way = [to, here];
          for (let step = cameFrom.get(here); step !== undefined; step = cameFrom.get(step)) way.push(step);
          return way.reverse();
        }
        if (next !== from && !cameFrom.has(next)) {
          cameFrom.set(next, here);
          queue.push(next);
        }
      }
    }
    return undefined;
  }
}

/** Warns of circles that can fill up, and refuses inputs that would wait for themselves. */
export function checkCycles(operators: readonly OperatorPlan[], channels: readonly ChannelPlan[], pipeline: string, problems: ProblemList): void {
  const graph = new Graph(channels);
  const told = new Set<string>();
  for (const { name } of operators) {
    if (told.has(name)) continue;
    const circle = graph.path(name, name);
    if (circle === undefined) continue;
    const members = new Set(circle);
    for (const member of members) told.add(member);
    const bounded = channels.filter(({ capabilities, reader, writers }) => capabilities.bounded && reader !== undefined && members.has(reader.operator) && writers.some(({ operator }) => members.has(operator)));
    if (bounded.length === 0) continue;
    problems.warning(
      'MILLRACE_CYCLE_BOUNDED',
      pipeline,
      `${circle.join(' → ')} is a circle over bounded channels (${bounded.map((channel) => channel.name).join(', ')}): once they are full, everybody in it waits for room`,
      'let a turn send no more than it takes, with commitInterval: 0, since what is read counts until it is committed; or use a location whose channels are not bounded',
    );
  }
  for (const { name, inputs } of operators) {
    for (const input of inputs) {
      if (!input.sequential) continue;
      const [waited] = input.channel.writers.map(({ operator }) => (operator === name ? [name, name] : graph.path(name, operator))).filter((path) => path !== undefined);
      if (waited !== undefined) problems.error('MILLRACE_OPTION_INVALID', `${pipeline}.${name}.${input.name}.sequential`, `it would wait for itself: it begins after its writers are done, and they read what it sends (${waited.join(' → ')})`, 'leave sequential out in a circle');
    }
  }
}
