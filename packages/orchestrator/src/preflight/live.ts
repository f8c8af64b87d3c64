import { decodeFact, FactKey, type ChannelDescription, type ChannelPlan, type Plan, type Problem, type Transport, type WriterSchema } from '@millrace/core';
import { error, failure } from './findings.js';

/** A schema that somebody published for a pipeline, with the name of its record. */
export interface PublishedSchema extends WriterSchema {
  readonly name: string;
}

/** What the backends say of a plan: asked once, then all checks are pure. */
export interface Live {
  /** Each channel as it is; `undefined` where it does not exist. Channels that could not be asked about are left out. */
  readonly channels: ReadonlyMap<ChannelPlan, ChannelDescription | undefined>;
  readonly schemas: readonly PublishedSchema[];
  /** Replicas of each operator at the last start. */
  readonly replicas: ReadonlyMap<string, number>;
  /** What could not be asked, and why. */
  readonly problems: readonly Problem[];
}

/** Asks every location about the channels of a plan, and the home location about the facts of its pipeline. */
export async function readLive(plan: Plan, transports: ReadonlyMap<string, Transport>): Promise<Live> {
  const problems: Problem[] = [];
  const channels = await describeChannels(plan.channels, transports, problems);
  const facts = await readFacts(plan, transports, problems);
  const schemas: PublishedSchema[] = [];
  const replicas = new Map<string, number>();
  for (const [key, value] of facts) {
    if (key.startsWith(FactKey.schemas)) {
      const fact = decodeFact<Omit<PublishedSchema, 'fingerprint'>>(value);
      if (isSchema(fact)) schemas.push({ fingerprint: key.slice(FactKey.schemas.length), format: fact.format, name: fact.name, schema: fact.schema });
    } else {
      const fact = decodeFact<{ readonly count?: unknown; readonly highest?: unknown }>(value);
      const count = fact?.count ?? fact?.highest;
      if (typeof count === 'number') replicas.set(key.slice(FactKey.replicas('').length), count);
    }
  }
  return { channels, schemas, replicas, problems };
}

/** Describes channels, those of one location beside each other. A channel that several ends name is asked about once. */
export async function describeChannels(channels: readonly ChannelPlan[], transports: ReadonlyMap<string, Transport>, problems: Problem[]): Promise<ReadonlyMap<ChannelPlan, ChannelDescription | undefined>> {
  const asked = new Map<string, Promise<ChannelDescription | undefined>>();
  const found = new Map<ChannelPlan, ChannelDescription | undefined>();
  const unreachable = new Set<string>();
  await Promise.all(channels.map(async (channel) => {
    const transport = transports.get(channel.location);
    if (transport === undefined) {
      if (!unreachable.has(channel.location)) problems.push(error('MILLRACE_LOCATION_INVALID', channel.location, 'the location is not connected', 'connect to every location of the plan first'));
      unreachable.add(channel.location);
      return;
    }
    const key = JSON.stringify([transport.identity, channel.name]);
    const isFirst = !asked.has(key);
    const description = asked.get(key) ?? Promise.resolve(transport.describeChannel(channel.name));
    asked.set(key, description);
    try {
      found.set(channel, await description);
    } catch (thrown) {
      if (isFirst) problems.push(failure(thrown, 'MILLRACE_CHANNEL_UNKNOWN', channel.name, `${channel.location} does not say what the channel is like`, 'see to it that the location is up and that this process may describe its channels'));
    }
  }));
  // In the order of the plan, not of the answers.
  return new Map(channels.filter((channel) => found.has(channel)).map((channel) => [channel, found.get(channel)]));
}

async function readFacts({ pipeline, location }: Plan, transports: ReadonlyMap<string, Transport>, problems: Problem[]): Promise<ReadonlyMap<string, Uint8Array>> {
  const facts = new Map<string, Uint8Array>();
  const control = transports.get(location)?.control(pipeline);
  const see = (key: string, value: Uint8Array | undefined): void => void (value === undefined ? facts.delete(key) : facts.set(key, value));
  try {
    for (const prefix of [FactKey.schemas, FactKey.replicas('')]) await (await control?.follow(prefix, see))?.close();
  } catch (thrown) {
    problems.push(failure(thrown, 'MILLRACE_CHANNEL_UNKNOWN', location, `the facts of ${pipeline} cannot be read`, 'see to it that the location is up and that this process may read there'));
  }
  return facts;
}

/** Facts come from other processes, so nothing is taken for granted. */
function isSchema(fact: Partial<PublishedSchema> | undefined): fact is PublishedSchema {
  return typeof fact?.schema === 'string' && typeof fact.name === 'string' && ['avro', 'json', 'text', 'bytes'].includes(String(fact.format));
}
