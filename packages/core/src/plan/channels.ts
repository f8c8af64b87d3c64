import type { Codec } from '../codec/index.js';
import type { PipelineBinding } from '../pipeline/index.js';
import { DeadLetter } from '../port/index.js';
import { inputBackendOptions } from './backend-options.js';
import { checkBinding, splitBinding } from './binding.js';
import type { OperatorDraft } from './draft.js';
import type { Locations, Place } from './locations.js';
import type { ResolvedInput } from './options.js';
import { groupName, type ChannelEnd, type ChannelPlan } from './plan.js';
import type { ProblemList } from './problem-list.js';
import { portName, type Source, type Wiring } from './wiring.js';

/** Every channel of a plan, found by the port that reads or writes it. */
export interface Channels {
  readonly all: readonly ChannelPlan[];
  /** The channel of each input port. */
  readonly read: ReadonlyMap<OperatorDraft, ReadonlyMap<string, ChannelPlan>>;
  /** The channels that an output port, or the dead letters of an input port, write to. */
  writtenBy(source: Source): readonly ChannelPlan[];
}

/** What channels are laid from. */
export interface Ground {
  readonly wiring: Wiring;
  readonly home: Place;
  readonly locations: Locations;
  readonly problems: ProblemList;
}

/** Lays out the channels: one per input port, one per binding of an output, and one for dead letters that nobody reads. */
export function layChannels(operators: readonly OperatorDraft[], ground: Ground): Channels {
  const read = new Map<OperatorDraft, Map<string, ChannelPlan>>();
  const bound = new Map<PipelineBinding, ChannelPlan>();
  const unread = new Map<OperatorDraft, Map<string, ChannelPlan>>();
  for (const operator of operators) {
    const channels = new Map<string, ChannelPlan>();
    for (const [port, input] of operator.options.inputs) channels.set(port, inputChannel({ operator, port, deadLetters: false }, input, ground));
    read.set(operator, channels);
  }
  for (const operator of operators) {
    const lost = new Map<string, ChannelPlan>();
    for (const { name: port, direction } of operator.members.ports.values()) {
      const source: Source = { operator, port, deadLetters: direction === 'input' };
      const bindings = ground.wiring.bindingsOf(source).filter(({ direction }) => direction === 'to');
      for (const binding of bindings) bound.set(binding, externalChannel(source, binding, [endOf(source)], undefined, ground));
      const gaveUp = source.deadLetters && operator.options.inputs.get(port)?.all.onError === 'deadLetter';
      if (gaveUp && bindings.length === 0 && ground.wiring.inputsOf(source).length === 0) lost.set(port, ownChannel(portName(source), 1, [], [endOf(source)], undefined, ground.home));
    }
    unread.set(operator, lost);
  }
  const channelsIn = (maps: ReadonlyMap<OperatorDraft, ReadonlyMap<string, ChannelPlan>>): readonly ChannelPlan[] => [...maps.values()].flatMap((channels) => [...channels.values()]);
  return {
    all: [...channelsIn(read), ...bound.values(), ...channelsIn(unread)],
    read,
    writtenBy(source) {
      const lost = source.deadLetters ? unread.get(source.operator)?.get(source.port) : undefined;
      const inner = ground.wiring.inputsOf(source).map(({ operator, port }) => read.get(operator)?.get(port));
      // An input that is connected and bound reads what it is bound to; the plan has refused it already.
      const written = inner.filter((channel) => channel !== undefined && channel.external === undefined);
      return [...written, ...ground.wiring.bindingsOf(source).map((binding) => bound.get(binding)), lost].filter((channel) => channel !== undefined);
    },
  };
}

function inputChannel(at: Source, input: ResolvedInput, ground: Ground): ChannelPlan {
  const { wiring, home, problems } = ground;
  const sources = wiring.sourcesOf(at.operator, at.port);
  const bindings = wiring.bindingsOf(at);
  const [binding] = bindings;
  const where = portName(at);
  const reader = { ...endOf(at), broadcast: input.all.broadcast };
  if (bindings.length > 1) problems.error('MILLRACE_CONNECTION_INVALID', where, `it reads ${bindings.length} external channels`, 'an input port reads one channel; declare a port for each');
  if (binding !== undefined && sources.length > 0) problems.error('MILLRACE_CONNECTION_INVALID', where, 'it is connected to an output and reads an external channel too', 'keep one of both; an input port reads one channel');
  if (binding === undefined && sources.length === 0) problems.error('MILLRACE_PORT_UNCONNECTED', where, 'the input reads from nothing', 'connect an output of the pipeline to it, or join it to an external channel with from()');
  if (binding !== undefined) return externalChannel(at, binding, [], reader, ground, input);
  const channel = ownChannel(where, partitionsOf(at, input, problems), groupsOf(where, reader), sources.map(endOf), reader, home);
  return { ...channel, ...backendOf(inputBackendOptions(input, home, `${where}.backend`, home, problems)) };
}

function ownChannel(name: string, partitions: number, groups: readonly string[], writers: readonly ChannelEnd[], reader: ChannelPlan['reader'], { location, capabilities, backend }: Place): ChannelPlan {
  return { name, partitions, groups, location, capabilities: backend?.capabilities(location, name) ?? capabilities, external: undefined, reader, writers };
}

function externalChannel(at: Source, given: PipelineBinding, writers: readonly ChannelEnd[], reader: ChannelPlan['reader'], { home, locations, problems }: Ground, input?: ResolvedInput): ChannelPlan {
  const where = portName(at);
  const split = splitBinding(String(given.location), where, problems);
  const place = locations.resolve(split.location, where);
  const { location, channel, capabilities, backend } = place;
  checkBinding(split, given.direction, codecOf(at), where, problems);
  if (typeof split.binding.start === 'number' && !capabilities.replay) problems.error('MILLRACE_CAPABILITY_MISSING', where, `start is a time, and ${location} does not keep what was read, so that nothing can be found by its time`, 'write start=earliest or start=latest');
  if (backend !== undefined && channel === undefined) problems.error('MILLRACE_LOCATION_INVALID', where, `the location ${location} names no channel`, 'end it with the name of the channel, as in kafka://broker:9092/orders');
  const external = split.binding;
  const options = input === undefined ? undefined : inputBackendOptions(input, place, `${where}.backend`, home, problems);
  const groups = external.group === undefined || reader === undefined ? [] : groupsOf(external.group, reader);
  return { name: channel ?? where, partitions: 0, groups, location, capabilities, external, reader, writers, ...backendOf(options) };
}

function backendOf(options: unknown): Pick<ChannelPlan, 'backend'> {
  return options === undefined ? {} : { backend: options };
}

/** At least one partition for each replica that shares them; a channel that all replicas read whole needs one. */
function partitionsOf(at: Source, { own, all }: ResolvedInput, problems: ProblemList): number {
  const least = all.broadcast ? 1 : at.operator.options.operator.replicas;
  if (own.partitions !== undefined && own.partitions < least) {
    problems.error('MILLRACE_OPTION_INVALID', `${portName(at)}.partitions`, `${own.partitions} partitions cannot be shared by ${least} replicas, some of which would have nothing to read`, `give at least ${least}, or leave it out`);
  }
  return Math.max(all.partitions ?? least, least);
}

function groupsOf(name: string, { broadcast, replicas }: ChannelEnd & { readonly broadcast: boolean }): readonly string[] {
  return broadcast ? Array.from({ length: replicas }, (_, replica) => groupName(name, true, replica)) : [groupName(name, false, 0)];
}

function endOf(at: Source): ChannelEnd {
  return { operator: at.operator.name, port: at.deadLetters ? `${at.port}.deadLetters` : at.port, codec: codecOf(at), replicas: at.operator.options.operator.replicas };
}

function codecOf({ operator, port, deadLetters }: Source): Codec<unknown> {
  const codec = deadLetters ? undefined : operator.members.ports.get(port)?.codec;
  return codec ?? (DeadLetter as unknown as Codec<unknown>);
}
