import { DONE_KEY, encodeFact, FactKey, replicaNames, type Control, type OperatorPlan, type Plan, type Session, type Transport } from '@millrace/core';
import { readReplicas, type ReplicasFact } from './facts.js';

const AT_A_TIME = 32;

/**
 * Makes a location ready for a new generation: fences every owner that an operator of the pipeline ever had there, before any
 * replica reads positions, and hands on what belongs to partitions. May be cut short anywhere and done again.
 */
export async function takeOver(transport: Transport, control: Control, plan: Plan): Promise<void> {
  const before = await readReplicas(control);
  const owners = new Set([...[...before].flatMap(([operator, { highest }]) => replicaNames(plan.pipeline, operator, highest)), ...plan.operators.flatMap(({ name, replicas }) => replicaNames(plan.pipeline, name, replicas))]);
  const sessions = new Map<string, Session>();
  try {
    await openAll(transport, owners, sessions);
    await Promise.all(plan.operators.map(async (operator) => {
      const { name, replicas } = operator;
      const earlier = before.get(name);
      const highest = Math.max(replicas, earlier?.highest ?? 0);
      if (earlier !== undefined && (earlier.count !== replicas || earlier.isMoving === true)) {
        await control.put(FactKey.replicas(name), encodeFact({ ...earlier, count: replicas, highest, isMoving: true } satisfies ReplicasFact));
        await moveState(operator, replicaNames(plan.pipeline, name, highest).map((owner) => sessions.get(owner)!));
      }
      const channels = operator.inputs.flatMap(({ channel, deadLetters }) => [channel, ...deadLetters]).filter(({ external }) => external === undefined);
      const fact: ReplicasFact = { count: replicas, highest, channels: [...new Set([...(earlier?.channels ?? []), ...channels.map((channel) => channel.name)])] };
      await control.put(FactKey.replicas(name), encodeFact(fact));
    }));
  } finally {
    await closeAll(sessions);
  }
}

/** A session that reads and writes nothing: its opening fences earlier ones of the owner. */
export async function openToFence(transport: Transport, id: string): Promise<Session> {
  return await transport.open({ id, delivery: transport.capabilities.transactions ? 'exactly-once' : 'at-least-once', wake() {} });
}

/** Fences owners and lets go. */
export async function fence(transport: Transport, owners: Iterable<string>): Promise<void> {
  const sessions = new Map<string, Session>();
  try {
    await openAll(transport, owners, sessions);
  } finally {
    await closeAll(sessions);
  }
}

/** Opens many at a time: each takes some requests to a cluster, one after the other. What was opened is in `sessions` also where it fails. */
export async function openAll(transport: Transport, owners: Iterable<string>, sessions: Map<string, Session>): Promise<void> {
  const ids = [...owners];
  for (let from = 0; from < ids.length; from += AT_A_TIME) {
    const results = await Promise.allSettled(ids.slice(from, from + AT_A_TIME).map(async (id) => sessions.set(id, await openToFence(transport, id))));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }
}

export async function closeAll(sessions: ReadonlyMap<string, Session>): Promise<void> {
  await Promise.all([...sessions.values()].map((session) => session.close()));
}

/**
 * State per partition goes to who reads the partition now. A replica that was done with its partitions has other ones now, so
 * none counts as done any more. Copies first and removes afterwards: a crash in between leaves equal copies, of which either
 * will do.
 * @param sessions of every replica that there was or is, by index
 */
export async function moveState({ inputs, replicas }: OperatorPlan, sessions: readonly Session[]): Promise<void> {
  const readerOf = (key: string): Session | undefined => {
    const partition = /^state\/[^/]+\/(\d+)$/.exec(key)?.[1];
    return partition === undefined ? undefined : sessions[Number(partition) % replicas];
  };
  const moves = sessions.flatMap((from) => [...from.state].flatMap(([key, value]) => {
    const to = readerOf(key);
    return to === undefined || to === from ? [] : [{ from, to, key, value }];
  }));
  for (const session of sessions) {
    await change(session, moves.filter(({ to, key }) => to === session && !session.state.has(key)).map(({ key, value }) => [key, value]));
  }
  const isShared = inputs.some(({ broadcast }) => !broadcast);
  for (const session of sessions) {
    const isStale = (key: string): boolean => (key === DONE_KEY ? isShared : (readerOf(key) ?? session) !== session);
    await change(session, [...session.state.keys()].filter(isStale).map((key) => [key, undefined]));
  }
}

async function change(session: Session, changes: readonly (readonly [key: string, value: Uint8Array | undefined])[]): Promise<void> {
  if (changes.length > 0) await session.commit(new Map(), new Map(changes));
}
