import { encodeFact, FactKey, NO_CHANNEL, replicaNames, rescaledPlan, type Control, type OperatorPlan, type Plan, type Session, type StatusBoard, type StatusFact, type Transport } from '@millrace/core';
import { readReplicas, type ReplicasFact } from '../facts.js';
import { closeAll, fence, moveState, openAll } from '../take-over.js';
import type { Transports } from '../transports.js';

export interface HandOverGround {
  readonly pipeline: string;
  readonly home: Transport;
  /** Transports of the operator's channels elsewhere. */
  readonly others: readonly Transport[];
  readonly control: Control;
  readonly board: StatusBoard;
}

/** What a hand-over of an operator needs of a start. */
export function handOverGround({ plan, transports }: { readonly plan: Pick<Plan, 'pipeline' | 'location'>; readonly transports: Transports }, board: StatusBoard, control: Control, { inputs, outputs }: OperatorPlan): HandOverGround {
  const home = transports.get(plan.location);
  const channels = [...inputs.flatMap(({ channel, deadLetters }) => [channel, ...deadLetters]), ...outputs.flatMap((output) => output.channels)];
  const others = new Set(channels.map(({ location }) => transports.get(location)));
  others.delete(home);
  return { pipeline: plan.pipeline, home, others: [...others], control, board };
}

/**
 * Hands the work of an operator, none of whose replicas runs, to another number of them within a generation. Fences the earlier
 * ones, so that positions read afterwards are final; then state goes along with its partitions, and then the other ends of its
 * channels hear whom to expect. May be cut short anywhere and done again, by a new generation too.
 * @param operator with the replicas that it is to have
 * @param before how many it had
 */
export async function handOver({ pipeline, home, others, control, board }: HandOverGround, operator: OperatorPlan, before: number): Promise<void> {
  const { name, replicas } = operator;
  const known = (await readReplicas(control)).get(name);
  const fact: ReplicasFact = { ...known, count: replicas, highest: Math.max(before, replicas, known?.highest ?? 0) };
  // Before anything that a start which knows nothing of it would have to take back.
  await control.put(FactKey.replicas(name), encodeFact({ ...fact, isMoving: true }));
  const owners = replicaNames(pipeline, name, Math.max(before, replicas));
  const opened = new Map<string, Session>();
  try {
    await openAll(home, owners, opened);
    for (const transport of others) await fence(transport, owners);
    const sessions = owners.map((owner) => opened.get(owner)!);
    await moveState(operator, sessions);
    // Those that come before those that leave: nobody must take the channels for closed in between.
    for (const [index, session] of sessions.entries()) await Promise.all(endsOf(operator, session, index < replicas).map((end) => board.put(end)));
    await control.put(FactKey.replicas(name), encodeFact({ count: fact.count, highest: fact.highest, ...(fact.channels === undefined ? {} : { channels: fact.channels }) } satisfies ReplicasFact));
  } finally {
    await closeAll(opened);
  }
}

/** What is to be said of every channel end of a replica until it speaks for itself, or for good where it leaves. */
function endsOf({ inputs, outputs, replicas }: OperatorPlan, { owner, incarnation }: Session, stays: boolean): readonly Omit<StatusFact, 'process'>[] {
  const base = { owner, incarnation, ...(stays ? { status: 'Opened' as const } : { status: 'Closed' as const, reason: 'left' as const }) };
  const read = inputs.filter(({ channel }) => channel.external === undefined);
  const written = [...outputs.flatMap(({ channels }) => channels), ...inputs.flatMap(({ deadLetters }) => deadLetters)].filter(({ external }) => external === undefined);
  const ends = [
    ...read.map(({ name, channel }): Omit<StatusFact, 'process'> => ({ ...base, channel: channel.name, port: name, side: 'reader', replicas })),
    ...[...new Set(written.map((channel) => channel.name))].map((channel): Omit<StatusFact, 'process'> => ({ ...base, channel, port: '', side: 'writer' })),
  ];
  return ends.length > 0 ? ends : [{ ...base, channel: NO_CHANNEL, port: '', side: 'writer' }];
}

/** A rescale that was cut short. */
export interface UnfinishedRescale {
  readonly operator: OperatorPlan;
  readonly before: number;
}

/**
 * For a start that joins a run: its plan with the replicas that operators have by now, and the rescales that it has to finish,
 * since it runs those operators.
 */
export async function adoptReplicas(planned: Plan, control: Control): Promise<{ readonly plan: Plan; readonly unfinished: readonly UnfinishedRescale[] }> {
  const facts = await readReplicas(control);
  let plan = planned;
  for (const { name, replicas } of planned.operators) {
    const count = facts.get(name)?.count ?? replicas;
    if (count !== replicas) plan = rescaledPlan(plan, name, count);
  }
  const unfinished = plan.operators.flatMap((operator): readonly UnfinishedRescale[] => {
    const fact = facts.get(operator.name);
    return fact?.isMoving === true && runsWhole(plan, operator) ? [{ operator, before: fact.highest }] : [];
  });
  return { plan, unfinished };
}

function runsWhole(plan: Plan, { name, replicas }: OperatorPlan): boolean {
  return Array.from({ length: replicas }, (_, index) => index).every((index) => plan.selected(name, index));
}
