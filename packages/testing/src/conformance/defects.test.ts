import {
  MillraceError,
  TOMBSTONE,
  dropMemorySpace,
  memoryBackend,
  type ChannelBackend,
  type ChannelReader,
  type ChannelWriter,
  type CommitResult,
  type Control,
  type Offsets,
  type OutgoingBatch,
  type OutgoingValues,
  type Owner,
  type ReaderOptions,
  type RecordBatch,
  type Session,
  type Transport,
} from '@millrace/core';
import { describe, expect, it } from 'vitest';
import { CONFORMANCE_CASES, channelConformance } from './index.js';

/** What a defective backend does otherwise than the memory backend. Each gets the sound thing and gives what to replace of it. */
interface Defect {
  readonly name: string;
  /** Beginning of the name of the case that must catch it. */
  readonly caughtBy: string;
  /** The payload that it shows with. Default: objects. */
  readonly payload?: 'objects' | 'bytes';
  readonly backend?: (backend: ChannelBackend) => Partial<ChannelBackend>;
  readonly owner?: (owner: Owner) => Owner;
  readonly transport?: (transport: Transport) => Partial<Transport>;
  readonly session?: (session: Session, owner: Owner, transport: Transport) => Partial<Session>;
  readonly readerOptions?: (options: ReaderOptions) => ReaderOptions;
  readonly reader?: (reader: ChannelReader, session: Session) => Partial<ChannelReader>;
  readonly batch?: (batch: RecordBatch) => Partial<RecordBatch>;
  readonly writer?: (writer: ChannelWriter, session: Session, owner: Owner) => Partial<ChannelWriter>;
  readonly control?: (control: Control, pipeline: string) => Partial<Control>;
}

/** The thing with some members replaced. Methods run on the thing itself, which has private fields. */
function replaced<T extends object>(thing: T, changes: Partial<T>): T {
  return new Proxy(thing, {
    get(target, key): unknown {
      if (key in changes) return Reflect.get(changes, key, changes);
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value as (...args: unknown[]) => unknown).bind(target) : value;
    },
  });
}

/** The memory backend with a defect. */
function defective(defect: Defect): ChannelBackend {
  const sound = new Map<ChannelReader, ChannelReader>();
  const shown = new Map<ChannelWriter, ChannelWriter>();
  const withReader = (raw: ChannelReader, session: Session): ChannelReader => {
    const readRecords = (): RecordBatch | undefined => {
      const batch = raw.readRecords();
      return batch === undefined || defect.batch === undefined ? batch : replaced(batch, defect.batch(batch));
    };
    const reader = replaced(raw, { readRecords, ...defect.reader?.(raw, session) });
    sound.set(reader, raw);
    return reader;
  };
  const withSession = (raw: Session, owner: Owner, transport: Transport): Session => {
    const base = replaced(raw, {
      reader: async (channel, options) => withReader(await raw.reader(channel, defect.readerOptions?.(options) ?? options), raw),
      writer: async (channel, options) => {
        const writer = await raw.writer(channel, options);
        const changed = replaced(writer, defect.writer?.(writer, raw, owner) ?? {});
        shown.set(writer, changed);
        return changed;
      },
      commit: (positions, state) => {
        const { ends } = raw.commit(
          new Map(Array.from(positions, ([reader, offsets]) => [sound.get(reader) ?? reader, offsets])),
          state,
        ) as CommitResult;
        return { ends: new Map(Array.from(ends, ([writer, offsets]) => [shown.get(writer) ?? writer, offsets])) };
      },
    });
    return replaced(base, defect.session?.(base, owner, transport) ?? {});
  };
  const withTransport = (raw: Transport): Transport => {
    const base = replaced(raw, {
      open: async (owner) => {
        const seen = defect.owner?.(owner) ?? owner;
        return withSession(await raw.open(seen), seen, raw);
      },
      control: (pipeline) => {
        const control = raw.control(pipeline);
        return replaced(control, defect.control?.(control, pipeline) ?? {});
      },
    });
    return replaced(base, defect.transport?.(base) ?? {});
  };
  const base = replaced(memoryBackend, {
    connect: async (location, options) => withTransport(await memoryBackend.connect(location, options)),
  });
  return replaced(base, defect.backend?.(base) ?? {});
}

/** What a sound writer makes of values. */
function encoded({ values, encoding, ...records }: OutgoingValues): OutgoingBatch {
  const buffer = Buffer.alloc(2_000_000);
  const bounds = new Uint32Array(2 * values.length);
  let end = 0;
  for (const [i, value] of values.entries()) {
    bounds[2 * i] = end;
    bounds[2 * i + 1] = end = encoding.encode(value, buffer, end);
  }
  return { ...records, count: values.length, bytes: buffer.subarray(0, end), bounds };
}

const answer = (): CommitResult => ({ ends: new Map() });
const mapped = (offsets: Offsets, change: (offset: number) => number): Offsets =>
  new Map(Array.from(offsets, ([partition, offset]) => [partition, change(offset)]));
const isFenced = (error: unknown): boolean => MillraceError.is(error, 'MILLRACE_FENCED');
const never = new Promise<never>(() => undefined);

const DEFECTS: readonly Defect[] = [
  // Commit
  { name: 'a commit loses state', caughtBy: 'state lasts', session: (session) => ({ commit: (positions) => session.commit(positions) }) },
  {
    name: 'a commit loses the removal of state',
    caughtBy: 'state lasts',
    session: (session) => ({
      commit: (positions, state) => session.commit(positions, new Map([...(state ?? [])].filter(([, value]) => value !== undefined))),
    }),
  },
  {
    name: 'a commit loses positions',
    caughtBy: 'a session goes on',
    session: (session) => ({ commit: (_, state) => session.commit(new Map(), state) }),
  },
  {
    name: 'positions are those of whole batches',
    caughtBy: 'a session goes on',
    session: (session) => ({
      commit: (positions, state) =>
        session.commit(
          new Map(Array.from(positions, ([reader, offsets]) => [reader, mapped(offsets, (offset) => offset - (offset % 10))])),
          state,
        ),
    }),
  },
  {
    name: 'a commit forgets the ends',
    caughtBy: 'the answer of a commit',
    session: (session) => ({
      commit: (positions, state) => {
        void session.commit(positions, state);
        return answer();
      },
    }),
  },
  {
    name: 'ends name the last record, not what comes after it',
    caughtBy: 'the answer of a commit',
    session: (session) => ({
      commit: (positions, state) => ({
        ends: new Map(
          Array.from((session.commit(positions, state) as CommitResult).ends, ([writer, offsets]) => [
            writer,
            mapped(offsets, (offset) => offset - 1),
          ]),
        ),
      }),
    }),
  },
  {
    name: 'ends are told again in every commit',
    caughtBy: 'the answer of a commit',
    session: (session) => {
      const all = new Map<ChannelWriter, Offsets>();
      return {
        commit: (positions, state) => {
          for (const [writer, offsets] of (session.commit(positions, state) as CommitResult).ends) all.set(writer, offsets);
          return { ends: new Map(all) };
        },
      };
    },
  },
  {
    name: 'records are visible before the commit',
    caughtBy: 'exactly-once: nothing is seen before',
    owner: (owner) => ({ ...owner, wake: () => owner.wake(), delivery: 'at-least-once' }),
  },
  {
    name: 'close commits what was staged',
    caughtBy: 'exactly-once: what was not committed is dropped',
    session: (session) => ({
      close: async () => {
        await session.commit(new Map());
        await session.close();
      },
    }),
  },
  {
    name: 'reading commits',
    caughtBy: 'what was read but not committed',
    reader: (reader, session) => ({
      readRecords: () => {
        const batch = reader.readRecords();
        if (batch !== undefined) void session.commit(new Map([[reader, new Map([[batch.partition, batch.next]])]]));
        return batch;
      },
    }),
  },
  ...[
    { name: 'a commit keeps the state array of the caller', keep: (value: Uint8Array) => value },
    { name: 'a commit copies state with slice, which shares the memory of a Buffer', keep: (value: Uint8Array) => value.slice() },
  ].map(({ name, keep }): Defect => ({
    name,
    caughtBy: 'state that the caller changes',
    session: (session, owner) => {
      const kept = keptOf(owner.id);
      return {
        commit: (positions, state) => {
          for (const [key, value] of state ?? []) if (value !== undefined) kept.set(key, keep(value));
          return session.commit(positions, state);
        },
        get state() {
          return shared(session, kept);
        },
      };
    },
  })),
  // Fencing
  {
    name: 'a zombie’s commit is accepted in silence',
    caughtBy: 'a newer session fences',
    session: (session) => ({
      commit: (positions, state) => {
        try {
          return session.commit(positions, state);
        } catch (error) {
          if (isFenced(error)) return answer();
          throw error;
        }
      },
    }),
  },
  {
    name: 'nobody is fenced',
    caughtBy: 'of many opens',
    owner: (owner) => ({ ...owner, wake: () => owner.wake(), id: `${owner.id}/${++unique}` }),
  },
  {
    name: 'a zombie’s records arrive',
    caughtBy: 'a newer session fences',
    writer: (writer, session, owner) => ({
      writeRecords: (batch) => {
        if (session.failure === undefined) return writer.writeRecords(batch);
        void smuggle(owner, writer.channel, batch);
        throw session.failure;
      },
    }),
  },
  { name: 'a fenced session does not say so', caughtBy: 'a fenced session is told', session: () => ({ failure: undefined }) },
  { name: 'a fenced session is not woken', caughtBy: 'a fenced session is told', owner: (owner) => ({ ...owner, wake: () => undefined }) },
  { name: 'incarnations do not grow', caughtBy: 'incarnations of an owner grow', session: () => ({ incarnation: 1 }) },
  {
    name: 'a waiting writer is forgotten when its session ends',
    caughtBy: 'a writer that waits for room is given up',
    writer: (writer) => ({ writeRecords: (batch) => writer.writeRecords(batch)?.catch(() => never) }),
  },
  {
    name: 'a closed session takes batches',
    caughtBy: 'what is closed is closed',
    writer: (writer) => ({
      writeRecords: (batch) => {
        try {
          return writer.writeRecords(batch);
        } catch (error) {
          if (MillraceError.is(error, 'MILLRACE_SESSION_CLOSED')) return undefined;
          throw error;
        }
      },
    }),
  },
  // Reading
  {
    name: 'next is one too far',
    caughtBy: 'committing what a batch says is next',
    batch: (batch) => ({ next: batch.next + (batch.offset(0) < 170 ? 1 : 0) }),
  },
  { name: 'next is one too short', caughtBy: 'batches of every size', batch: (batch) => ({ next: batch.next - 1 }) },
  {
    name: 'batches come twice',
    caughtBy: 'batches of every size',
    reader: (reader) => {
      let last: RecordBatch | undefined;
      return {
        readRecords: () => {
          const again = last;
          last = again === undefined ? reader.readRecords() : undefined;
          return again ?? last;
        },
      };
    },
  },
  {
    name: 'batches of a partition are swapped',
    caughtBy: 'batches of every size',
    writer: (writer) => {
      let held: OutgoingBatch | undefined;
      return {
        writeRecords: (batch) => {
          if (held === undefined && batch.count > 60) {
            held = batch;
            return undefined;
          }
          const room = writer.writeRecords(batch);
          const late = held;
          held = undefined;
          return late === undefined ? room : writer.writeRecords(late);
        },
      };
    },
  },
  {
    name: 'large batches are cut',
    caughtBy: 'a large batch passes',
    writer: (writer) => ({
      writeRecords: (batch) =>
        writer.writeRecords(batch.count <= 100_000 ? batch : { ...batch, count: 100_000, objects: batch.objects?.slice(0, 100_000) }),
    }),
  },
  {
    name: 'groups share their positions',
    caughtBy: 'groups read independently',
    readerOptions: (options) => ({ ...options, group: 'all' }),
  },
  {
    name: 'start is always the earliest',
    caughtBy: 'a group without a committed position',
    readerOptions: (options) => ({ ...options, start: 'earliest' }),
  },
  {
    name: 'a time as start is always the latest',
    caughtBy: 'a group without a committed position',
    readerOptions: (options) => ({ ...options, start: options.start === 'earliest' ? 'earliest' : 'latest' }),
  },
  {
    name: 'start counts before the committed position',
    caughtBy: 'a committed position counts',
    reader: (reader) => ({ loadInputRecordOffset: async () => mapped(await reader.loadInputRecordOffset(), () => 0) }),
  },
  { name: 'pause is ignored', caughtBy: 'a paused partition', reader: () => ({ pause: () => undefined }) },
  { name: 'resume does not wake', caughtBy: 'resume and seek wake', reader: () => ({ resume: () => undefined }) },
  { name: 'seek is ignored', caughtBy: 'seek goes back', reader: () => ({ seek: () => undefined }) },
  { name: 'hasRecords is always true', caughtBy: 'hasRecords holds', reader: () => ({ hasRecords: () => true }) },
  { name: 'hasRecords is always false', caughtBy: 'hasRecords holds', reader: () => ({ hasRecords: () => false }) },
  {
    name: 'ends are not asked again',
    caughtBy: 'endOffsets and getConsumerLag',
    reader: (reader) => {
      let first: Promise<Offsets> | undefined;
      return { endOffsets: () => (first ??= reader.endOffsets()) };
    },
  },
  {
    name: 'the lag is that of the committed position',
    caughtBy: 'endOffsets and getConsumerLag',
    reader: (reader) => ({ getConsumerLag: () => reader.endOffsets() }),
  },
  {
    name: 'one partition is read to its end before the next',
    caughtBy: 'partitions take turns',
    reader: (reader) => ({
      readRecords: () => {
        for (const partition of reader.partitions) {
          reader.pause(reader.partitions);
          reader.resume([partition]);
          const batch = reader.readRecords();
          reader.resume(reader.partitions);
          if (batch !== undefined) return batch;
        }
        return undefined;
      },
    }),
  },
  // Records
  {
    name: 'a tombstone becomes an empty value',
    caughtBy: 'a record without a value',
    batch: (batch) => ({ objects: batch.objects?.map((value) => (value === TOMBSTONE ? '' : value)) }),
  },
  {
    name: 'an empty key becomes none',
    caughtBy: 'keys arrive',
    batch: (batch) => ({ key: (i) => (batch.key(i)?.byteLength === 0 ? undefined : batch.key(i)) }),
  },
  {
    name: 'keys are text',
    caughtBy: 'keys arrive',
    batch: (batch) => ({
      key: (i) => {
        const key = batch.key(i);
        return key === undefined ? undefined : Buffer.from(Buffer.from(key).toString('utf8'));
      },
    }),
  },
  {
    name: 'a header name comes once',
    caughtBy: 'headers arrive',
    batch: (batch) => ({
      headers: (i) => {
        const headers = batch.headers(i);
        return headers === undefined ? undefined : [...new Map(headers)];
      },
    }),
  },
  { name: 'timestamps are those of the batch', caughtBy: 'timestamps are', batch: (batch) => ({ timestamp: () => batch.timestamp(0) }) },
  {
    name: 'the fingerprint is that of the first batch',
    caughtBy: 'each batch keeps',
    writer: (writer) => {
      let first: string | undefined;
      return { writeRecords: (batch) => writer.writeRecords({ ...batch, schema: (first ??= batch.schema) }) };
    },
  },
  {
    name: 'an empty batch is stored as a record',
    caughtBy: 'a batch of no records',
    writer: (writer) => ({ writeRecords: (batch) => writer.writeRecords(batch.count > 0 ? batch : { ...batch, count: 1, objects: [''] }) }),
  },
  {
    name: 'a writer encodes values once it has returned',
    caughtBy: 'values that the writer encodes itself',
    writer: (writer) => ({
      writeValues: (records) => {
        const { length } = encoded(records).bytes;
        queueMicrotask(() => void writer.writeRecords(encoded({ ...records, values: records.values.map(String) })));
        return { bytes: length, room: undefined };
      },
    }),
  },
  {
    name: 'a writer that encodes values forgets their keys',
    caughtBy: 'values that the writer encodes itself',
    writer: (writer) => ({ writeValues: (records) => ({ bytes: encoded(records).bytes.length, room: writer.writeRecords({ ...encoded(records), keys: undefined }) }) }),
  },
  {
    name: 'a writer that encodes values counts none of their bytes',
    caughtBy: 'values that the writer encodes itself',
    writer: (writer) => ({ writeValues: (records) => ({ bytes: 0, room: writer.writeRecords(encoded(records)) }) }),
  },
  {
    name: 'a writer takes the values before one that cannot be encoded',
    caughtBy: 'of values among which one cannot be encoded',
    writer: (writer) => ({
      writeValues: (records) => {
        for (let i = 0; i < records.values.length; i += 1000) void writer.writeRecords(encoded({ ...records, values: records.values.slice(i, i + 1000) }));
        return { bytes: 0, room: undefined };
      },
    }),
  },
  {
    name: 'a batch given out is written on',
    caughtBy: 'a batch that was given out',
    reader: (reader) => {
      let grown: unknown[] | undefined;
      return {
        readRecords: () => {
          const batch = reader.readRecords();
          if (batch?.objects === undefined) return batch;
          if (grown !== undefined) grown.push(...batch.objects);
          grown = [...batch.objects];
          return replaced(batch, { objects: grown });
        },
      };
    },
  },
  {
    name: 'objects are copied',
    caughtBy: 'objects arrive by reference',
    batch: (batch) => ({ objects: batch.objects?.map((value) => (typeof value === 'object' && value !== null ? { ...value } : value)) }),
  },
  {
    name: 'records land in partition 0',
    caughtBy: 'records stay in the partition',
    writer: (writer) => ({ writeRecords: (batch) => writer.writeRecords({ ...batch, partition: 0 }) }),
  },
  {
    name: 'offsets begin anew in each batch',
    caughtBy: 'batches of every size',
    batch: (batch) => ({ offset: (i) => i, next: batch.next }),
  },
  // Resources
  {
    name: 'an unknown query key is passed over',
    caughtBy: 'parse gives',
    backend: (backend) => ({ parse: (location) => backend.parse(location.replace(/[?&]no-such-key=1/, '')) }),
  },
  {
    name: 'capabilities differ once connected',
    caughtBy: 'capabilities are the same',
    transport: (transport) => ({ capabilities: { ...transport.capabilities, durable: true } }),
  },
  {
    name: 'each connection has an identity of its own',
    caughtBy: 'two connections',
    transport: (transport) => ({ identity: `${transport.identity}/${++unique}` }),
  },
  {
    name: 'a mismatch is found out half-way',
    caughtBy: 'createResources with another',
    transport: (transport) => ({
      createResources: async (channels) => {
        for (const channel of channels) await transport.createResources([channel]);
      },
    }),
  },
  {
    name: 'another partition count is passed over',
    caughtBy: 'createResources with another',
    transport: (transport) => ({
      createResources: async (channels) => {
        for (const channel of channels) await transport.createResources([channel]).catch(() => undefined);
      },
    }),
  },
  {
    name: 'groups of the specification are forgotten',
    caughtBy: 'groups of the specification',
    transport: (transport) => ({
      createResources: (channels) => transport.createResources(channels.map((channel) => ({ ...channel, groups: [] }))),
    }),
  },
  {
    name: 'channels are not deleted',
    caughtBy: 'deleteResources removes channels',
    transport: (transport) => ({ deleteResources: ({ owners = [] }) => transport.deleteResources({ owners }) }),
  },
  {
    name: 'state is not deleted',
    caughtBy: 'deleteResources removes the state',
    transport: (transport) => ({ deleteResources: ({ channels = [] }) => transport.deleteResources({ channels }) }),
  },
  {
    name: 'an unknown channel is made on the way',
    caughtBy: 'readers and writers of a channel that does not exist',
    session: (session, _, transport) => ({
      writer: async (channel) => {
        await transport.createResources([{ name: channel, partitions: 1 }]);
        return session.writer(channel);
      },
    }),
  },
  {
    name: 'positions of groups are not shown',
    caughtBy: 'readers and partitions that a commit leaves out',
    transport: (transport) => ({
      describeChannel: async (name) => {
        const description = await transport.describeChannel(name);
        return description === undefined ? undefined : { ...description, groups: new Map() };
      },
    }),
  },
  {
    name: 'consumed records are never let go',
    caughtBy: 'records that every group has committed past go',
    transport: (transport) => ({
      createResources: (channels) => transport.createResources(channels.map((channel) => ({ ...channel, retention: { records: 1e9 } }))),
    }),
  },
  {
    name: 'retention keeps nothing',
    caughtBy: 'retention keeps at least',
    transport: (transport) => ({
      createResources: (channels) =>
        transport.createResources(
          channels.map((channel) => ({ name: channel.name, partitions: channel.partitions, groups: channel.groups ?? [] })),
        ),
    }),
  },
  // Back-pressure
  {
    name: 'writers never wait',
    caughtBy: 'a writer waits when its channel is full',
    writer: (writer) => ({
      writeRecords: (batch) => {
        void writer.writeRecords(batch)?.catch(() => undefined);
        return undefined;
      },
    }),
  },
  {
    name: 'room is never told of',
    caughtBy: 'a writer waits when its channel is full',
    writer: (writer) => ({
      writeRecords: (batch) => {
        const room = writer.writeRecords(batch);
        if (room === undefined) return undefined;
        room.catch(() => undefined);
        return never;
      },
    }),
  },
  { name: 'nobody is asked for a commit', caughtBy: 'a reader that stands in the way', session: () => ({ wantsCommit: false }) },
  { name: 'a commit is wanted all the time', caughtBy: 'a reader that stands in the way', session: () => ({ wantsCommit: true }) },
  {
    name: 'what an operator holds back fills its channel',
    caughtBy: 'records that an operator holds back',
    session: (session) => ({
      commit: (positions, state) => {
        for (const [reader, offsets] of positions) for (const [partition, offset] of offsets) if (offset === 0) reader.seek(partition, 0);
        return session.commit(positions, state);
      },
    }),
  },
  {
    name: 'a write waits for the commit of its own session',
    caughtBy: 'exactly-once: staged output asks',
    session: (session) => {
      let free: () => void = () => undefined;
      let staged = 0;
      return {
        writer: async (channel) => {
          const writer = await session.writer(channel);
          return replaced(writer, {
            writeRecords: (batch) => {
              staged += batch.count;
              return writer.writeRecords(batch) ?? (staged < 1000 ? undefined : new Promise<void>((resolve) => (free = resolve)));
            },
          });
        },
        commit: (positions, state) => {
          staged = 0;
          free();
          return session.commit(positions, state);
        },
      };
    },
  },
  {
    name: 'a step may stage without bound',
    caughtBy: 'exactly-once: a step that stages',
    owner: ({ id, delivery, wake }) => ({ id, delivery, wake }),
  },
  {
    name: 'a refused step fails the commit',
    caughtBy: 'exactly-once: a step that stages',
    session: (session) => {
      let refused = false;
      return {
        writer: async (channel) => {
          const writer = await session.writer(channel);
          return replaced(writer, {
            writeRecords: (batch) => {
              try {
                return writer.writeRecords(batch);
              } catch (error) {
                refused = true;
                throw error;
              }
            },
          });
        },
        commit: (positions, state) => {
          if (refused) throw new Error('a write failed');
          return session.commit(positions, state);
        },
      };
    },
  },
  // Wake-ups
  { name: 'no wake is ever given', caughtBy: 'a session that found nothing', owner: (owner) => ({ ...owner, wake: () => undefined }) },
  {
    name: 'every third wake is lost',
    caughtBy: 'a session that found nothing',
    owner: (owner) => {
      let wakes = 0;
      return {
        ...owner,
        wake: () => {
          if (++wakes % 3 !== 0) owner.wake();
        },
      };
    },
  },
  {
    name: 'only the first group is woken',
    caughtBy: 'every sleeping session',
    session: (session, owner) => ({
      reader: async (channel, options) => {
        if (options.group === 'b') quiet.add(owner.id);
        return session.reader(channel, options);
      },
    }),
    owner: (owner) => ({
      ...owner,
      wake: () => {
        if (!quiet.has(owner.id)) owner.wake();
      },
    }),
  },
  {
    name: 'an idle session is woken all the time',
    caughtBy: 'a wake may come for nothing',
    session: (session, owner) => {
      let open = true;
      const again = (): void => {
        if (open) {
          owner.wake();
          setImmediate(again);
        }
      };
      again();
      return {
        close: () => {
          open = false;
          return session.close();
        },
      };
    },
    transport: (transport) => {
      const sessions: Session[] = [];
      return {
        open: async (owner) => {
          const session = await transport.open(owner);
          sessions.push(session);
          return session;
        },
        close: async () => {
          for (const session of sessions) await session.close();
          await transport.close();
        },
      };
    },
  },
  // Control
  {
    name: 'facts come in the reverse order of pairs',
    caughtBy: 'later facts and removals',
    control: (control) => ({
      follow: (prefix, see) => {
        let held: readonly [string, Uint8Array | undefined] | undefined;
        return control.follow(prefix, (key, value) => {
          const before = held;
          if (before === undefined) {
            held = [key, value];
            return;
          }
          held = undefined;
          see(key, value);
          see(...before);
        });
      },
    }),
  },
  {
    name: 'removals are not told',
    caughtBy: 'later facts and removals',
    control: (control) => ({
      follow: (prefix, see) =>
        control.follow(prefix, (key, value) => {
          if (value !== undefined) see(key, value);
        }),
    }),
  },
  {
    name: 'a removed fact comes again',
    caughtBy: 'follow has seen all',
    control: (control) => ({ remove: (key) => control.put(key, new Uint8Array(0)) }),
  },
  {
    name: 'follow resolves before it has seen all',
    caughtBy: 'follow has seen all',
    control: (control) => ({
      follow: async (prefix, see) => control.follow(prefix, (key, value) => void setImmediate(() => see(key, value))),
    }),
  },
  {
    name: 'a put copies the fact with slice, which shares the memory of a Buffer',
    caughtBy: 'a fact that the caller changes',
    control: (control) => {
      const kept = new Map<string, Uint8Array>();
      return {
        put: async (key, value) => {
          kept.set(key, value.slice());
          await control.put(key, value);
        },
        follow: (prefix, see) => control.follow(prefix, (key, value) => see(key, kept.get(key) ?? value)),
      };
    },
  },
  {
    name: 'a follower sees other prefixes',
    caughtBy: 'a follower sees the facts under its prefix',
    control: (control) => ({ follow: (prefix, see) => control.follow(prefix.slice(0, -1), see) }),
  },
  {
    name: 'only one follower sees a fact',
    caughtBy: 'two followers',
    control: (control) => {
      const taken = new Set<string>();
      return {
        follow: (prefix, see) =>
          control.follow(prefix, (key, value) => {
            const fact = `${key}=${Buffer.from(value ?? []).toString()}`;
            if (taken.has(fact)) return;
            taken.add(fact);
            see(key, value);
          }),
      };
    },
  },
  {
    name: 'a closed follower still sees',
    caughtBy: 'a closed follower',
    control: (control) => ({
      follow: async (prefix, see) => {
        await control.follow(prefix, see);
        return { close: async () => undefined };
      },
    }),
  },
  {
    name: 'an error in see fails the put',
    caughtBy: 'an error in see',
    control: (control) => {
      let failed: unknown;
      return {
        follow: (prefix, see) =>
          control.follow(prefix, (key, value) => {
            try {
              see(key, value);
            } catch (error) {
              failed = error;
            }
          }),
        put: async (key, value) => {
          await control.put(key, value);
          if (failed !== undefined) throw failed;
        },
      };
    },
  },
  {
    name: 'an error in see ends the following',
    caughtBy: 'an error in see',
    control: (control) => ({
      follow: (prefix, see) => {
        let over = false;
        return control.follow(prefix, (key, value) => {
          if (over) return;
          over = true;
          see(key, value);
          over = false;
        });
      },
    }),
  },
  {
    name: 'pipelines share their facts',
    caughtBy: 'facts belong to one pipeline',
    transport: (transport) => ({ control: () => transport.control('all') }),
  },
  {
    name: 'facts keep the array of the putter',
    caughtBy: 'values may be empty',
    control: (control) => {
      const kept = new Map<string, Uint8Array>();
      return {
        put: async (key, value) => {
          kept.set(key, value);
          await control.put(key, value);
        },
        follow: (prefix, see) => control.follow(prefix, (key, value) => see(key, value === undefined ? undefined : kept.get(key) ?? value)),
      };
    },
  },
  // Recovery
  {
    name: 'exactly-once is at-least-once',
    caughtBy: 'exactly-once: through crashes',
    owner: (owner) => ({ ...owner, wake: () => owner.wake(), delivery: 'at-least-once' }),
  },
  {
    name: 'at-least-once is at-most-once',
    caughtBy: 'at-least-once: through crashes',
    reader: (reader, session) => ({
      readRecords: () => {
        const batch = reader.readRecords();
        if (batch !== undefined) void session.commit(new Map([[reader, new Map([[batch.partition, batch.next]])]]));
        return batch;
      },
    }),
  },
  {
    name: 'state is bound to the connection',
    caughtBy: 'what was committed outlives every connection',
    transport: (transport) => {
      const name = `${++unique}`;
      return { open: (owner) => transport.open({ ...owner, wake: () => owner.wake(), id: `${name}/${owner.id}` }) };
    },
  },
  // One for each case that is left
  {
    name: 'describeChannel does not know the starts',
    caughtBy: 'createResources makes a channel',
    transport: (transport) => ({
      describeChannel: async (name) => {
        const description = await transport.describeChannel(name);
        return description === undefined ? undefined : { ...description, starts: new Map() };
      },
    }),
  },
  {
    name: 'createResources begins anew',
    caughtBy: 'createResources is idempotent',
    transport: (transport) => ({
      createResources: async (channels) => {
        await transport.deleteResources({ channels: channels.map(({ name }) => name) });
        await transport.createResources(channels);
      },
    }),
  },
  {
    name: 'an existing channel gets no groups',
    caughtBy: 'createResources adds groups',
    transport: (transport) => ({
      createResources: async (channels) => {
        for (const channel of channels)
          if ((await transport.describeChannel(channel.name)) === undefined) await transport.createResources([channel]);
      },
    }),
  },
  {
    name: 'external channels are not found',
    caughtBy: 'external readers and writers',
    session: (session) => ({
      writer: async (channel, options) => {
        if (options?.external === true) throw new MillraceError('MILLRACE_CHANNEL_UNKNOWN', 'external');
        return session.writer(channel, options);
      },
    }),
  },
  { name: 'a writer knows one partition only', caughtBy: 'a writer knows the partitions', writer: () => ({ partitions: 1 }) },
  {
    name: 'a partition too high wraps around',
    caughtBy: 'a partition that the channel does not have',
    writer: (writer) => ({ writeRecords: (batch) => writer.writeRecords({ ...batch, partition: batch.partition % writer.partitions }) }),
  },
  {
    name: 'a large record is cut',
    caughtBy: 'a large record passes',
    batch: (batch) => ({ objects: batch.objects?.map((value) => (typeof value === 'string' ? value.slice(0, 65_536) : value)) }),
  },
  {
    name: 'the last batch stays with its writer',
    caughtBy: 'what a commit acknowledged',
    writer: (writer) => {
      let held: OutgoingBatch | undefined;
      return {
        writeRecords: (batch) => {
          const before = held;
          held = batch;
          return before === undefined ? undefined : writer.writeRecords(before);
        },
      };
    },
  },
  {
    name: 'ends are counted, not taken from the log',
    caughtBy: 'two writers of one partition',
    session: (session) => {
      const counts = new Map<ChannelWriter, number>();
      return {
        writer: async (channel) => {
          const writer = await session.writer(channel);
          const shown = replaced(writer, {
            writeRecords: (batch) => {
              counts.set(writer, (counts.get(writer) ?? 0) + batch.count);
              return writer.writeRecords(batch);
            },
          });
          counting.set(writer, shown);
          return shown;
        },
        commit: (positions, state) => {
          void session.commit(positions, state);
          return { ends: new Map(Array.from(counts, ([writer, count]) => [counting.get(writer) ?? writer, new Map([[0, count]])])) };
        },
      };
    },
  },
  {
    name: 'a commit takes in what is written while it runs',
    caughtBy: 'batches written while a commit runs',
    session: (session) => ({
      commit: async (positions, state) => {
        await new Promise((resolve) => setImmediate(resolve));
        return session.commit(positions, state);
      },
    }),
  },
  {
    name: 'a large state value is dropped',
    caughtBy: 'state may be large',
    session: (session) => ({
      commit: (positions, state) =>
        session.commit(positions, new Map([...(state ?? [])].filter(([, value]) => (value?.byteLength ?? 0) < 100_000))),
    }),
  },
  {
    name: 'one commit commits everybody',
    caughtBy: 'a commit of another session',
    session: (session) => {
      everybody.add(session);
      return {
        commit: (positions, state) => {
          for (const other of everybody) if (other !== session && other.failure === undefined) void other.commit(new Map());
          return session.commit(positions, state);
        },
        close: async () => {
          everybody.delete(session);
          await session.close();
        },
      };
    },
  },
  {
    name: 'a fence commits what was staged',
    caughtBy: 'exactly-once: what a fenced session had staged',
    session: (session, owner) => {
      latest.set(owner.id, session);
      return {};
    },
    owner: (owner) => {
      void latest.get(owner.id)?.commit(new Map());
      return owner;
    },
  },
  {
    name: 'a fence ends the sessions of others',
    caughtBy: 'sessions of different owners',
    session: (session, owner) => {
      beside.add([owner.id, session]);
      return {};
    },
    owner: (owner) => {
      for (const [id, session] of beside) if ([...beside].some(([other]) => other === owner.id) && id !== owner.id) void session.close();
      return owner;
    },
  },
  {
    name: 'a deletion lifts the fence',
    caughtBy: 'after its state was deleted',
    session: (session) => ({
      commit: (positions, state) => {
        try {
          return session.commit(positions, state);
        } catch (error) {
          if (lifted && isFenced(error)) return answer();
          throw error;
        }
      },
    }),
    transport: (transport) => ({
      deleteResources: (resources) => {
        lifted = true;
        return transport.deleteResources(resources);
      },
    }),
  },
  {
    name: 'positions belong to the owner, not to the group',
    caughtBy: 'sessions of one group share',
    session: (session, owner) => ({
      reader: (channel, options) => session.reader(channel, { ...options, group: `${options.group}/${owner.id}` }),
    }),
  },
  {
    name: 'a later group finds nothing',
    caughtBy: 'a group that comes later',
    readerOptions: (options) => (options.group === 'second' ? { ...options, start: 'latest' } : options),
  },
  {
    name: 'a seek leaves what was fetched',
    caughtBy: 'a seek holds',
    reader: (reader) => {
      let fetched: RecordBatch | undefined;
      return {
        readRecords: () => {
          const batch = fetched ?? reader.readRecords();
          fetched = batch === undefined ? undefined : reader.readRecords();
          return batch;
        },
      };
    },
  },
  {
    name: 'a writer waits for the commit of its own reads',
    caughtBy: 'a write never waits',
    session: (session) => {
      let free: () => void = () => undefined;
      let count = 0;
      return {
        writer: async (channel) => {
          const writer = await session.writer(channel);
          return replaced(writer, {
            writeRecords: (batch) => {
              count += batch.count;
              return writer.writeRecords(batch) ?? (count < 4000 ? undefined : new Promise<void>((resolve) => (free = resolve)));
            },
          });
        },
        commit: (positions, state) => {
          count = 0;
          free();
          return session.commit(positions, state);
        },
      };
    },
  },
  {
    name: 'one promise of room in three is forgotten',
    caughtBy: 'a chain of full channels',
    writer: (writer) => {
      let waits = 0;
      return {
        writeRecords: (batch) => {
          const room = writer.writeRecords(batch);
          return room !== undefined && ++waits % 3 === 0 ? room.then(() => never) : room;
        },
      };
    },
  },
  {
    name: 'what was there before is seen late',
    caughtBy: 'nobody sleeps on records',
    reader: (reader) => {
      let reads = 0;
      return { readRecords: () => (++reads < 3 ? undefined : reader.readRecords()) };
    },
  },
  {
    name: 'only the last reader of a session wakes it',
    caughtBy: 'a session with several readers',
    session: (session, owner, transport) => {
      let first = true;
      return {
        reader: async (channel, options) => {
          if (!first) return session.reader(channel, options);
          first = false;
          return (await transport.open({ ...owner, id: `${owner.id}/first`, wake: () => undefined })).reader(channel, options);
        },
      };
    },
  },
  {
    name: 'one wake in fifty is lost',
    caughtBy: 'a thousand small batches',
    owner: (owner) => {
      let wakes = 0;
      return {
        ...owner,
        wake: () => {
          if (++wakes % 50 !== 0) owner.wake();
        },
      };
    },
  },
  {
    name: 'a fact put by see overtakes',
    caughtBy: 'see may put facts',
    transport: (transport) => ({
      control: (pipeline) => {
        const sees: ((key: string, value: Uint8Array | undefined) => void)[] = [];
        return {
          ...transport.control(pipeline),
          put: async (key, value) => {
            for (const see of sees) see(key, value);
          },
          follow: async (prefix, see) => {
            sees.push((key, value) => {
              if (key.startsWith(prefix)) see(key, value);
            });
            return { close: async () => undefined };
          },
        };
      },
    }),
  },
  {
    name: 'removing nothing fails',
    caughtBy: 'removing what is not there',
    control: (control) => ({
      remove: async (key) => {
        let there = false;
        await (await control.follow(key, (name) => (there ||= name === key))).close();
        if (!there) throw new MillraceError('MILLRACE_CHANNEL_UNKNOWN', 'no such fact');
        await control.remove(key);
      },
    }),
  },
  {
    name: 'a commit moves every group',
    caughtBy: 'records that some group has not committed past stay',
    session: (session) => ({
      commit: (positions, state) => {
        const highest = new Map<number, number>();
        for (const offsets of positions.values())
          for (const [partition, offset] of offsets) highest.set(partition, Math.max(offset, highest.get(partition) ?? 0));
        return session.commit(
          new Map(
            Array.from(positions, ([reader, offsets]) => [
              reader,
              new Map(Array.from(offsets.keys(), (partition) => [partition, highest.get(partition) ?? 0])),
            ]),
          ),
          state,
        );
      },
    }),
  },
  {
    name: 'a compacted channel is not compacted, and fills up',
    caughtBy: 'a compacted channel',
    transport: (transport) => ({
      createResources: (channels) =>
        transport.createResources(channels.map((channel) => ({ name: channel.name, partitions: channel.partitions }))),
    }),
  },
  {
    name: 'a compacted channel loses a key',
    caughtBy: 'a compacted channel',
    writer: (writer) => ({
      writeRecords: (batch) =>
        writer.writeRecords(
          batch.count === 100
            ? {
                ...batch,
                keys: batch.keys?.map((key) =>
                  key !== undefined && Buffer.from(key).toString() === 'key 49' ? Buffer.from('key 48') : key,
                ),
              }
            : batch,
        ),
    }),
  },
  {
    name: 'a small batch comes after a large one',
    caughtBy: 'order within a partition',
    writer: (writer) => {
      let held: OutgoingBatch | undefined;
      return {
        writeRecords: (batch) => {
          if (held === undefined && batch.count === 1) {
            held = batch;
            return undefined;
          }
          const room = writer.writeRecords(batch);
          const late = held;
          held = undefined;
          return late === undefined ? room : writer.writeRecords(late);
        },
      };
    },
  },
];

let unique = 0;
/** Owners whose wakes are kept back. */
const quiet = new Set<string>();

const counting = new Map<ChannelWriter, ChannelWriter>();
const everybody = new Set<Session>();
const latest = new Map<string, Session>();
const beside = new Set<readonly [string, Session]>();
let lifted = false;
const arrays = new Map<string, Map<string, Uint8Array>>();
function keptOf(owner: string): Map<string, Uint8Array> {
  const kept = arrays.get(owner) ?? new Map<string, Uint8Array>();
  arrays.set(owner, kept);
  return kept;
}

/** State as it looks to a backend that keeps the arrays of its caller. */
function shared(session: Session, kept: ReadonlyMap<string, Uint8Array>): ReadonlyMap<string, Uint8Array> {
  return new Map(Array.from(session.state, ([key, value]) => [key, kept.get(key) ?? value]));
}

/** Writes past the fence, as a backend does that checks it too early. */
async function smuggle(owner: Owner, channel: string, batch: OutgoingBatch): Promise<void> {
  const transport = await memoryBackend.connect(current);
  const session = await transport.open({ id: `${owner.id}/smuggler`, delivery: 'at-least-once', wake: () => undefined });
  void (await session.writer(channel)).writeRecords(batch);
  await session.commit(new Map());
  await transport.close();
}

let current = '';
let spaces = 0;

async function outcome(defect: Defect, name: string, timeout: number): Promise<unknown> {
  const cases = channelConformance(
    () => {
      const space = `defect-${++spaces}`;
      current = `memory:${space}`;
      return { backend: defective(defect), location: current, cleanup: async () => void dropMemorySpace(space) };
    },
    { timeout, unread: 20_000, payload: defect.payload ?? 'objects' },
  ).filter((each) => each.name.startsWith(name));
  expect(cases).toHaveLength(1);
  return cases[0]?.run().then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe('the conformance suite can fail', () => {
  it.each(DEFECTS.map((defect) => [defect.name, defect] as const))('%s', async (_, defect) => {
    const error = await outcome(defect, defect.caughtBy, 150);
    expect(error, `the case "${defect.caughtBy}…" passes a backend with this defect`).toBeInstanceOf(Error);
    expect(String(error)).toMatch(/MILLRACE_|a write failed|thrown by see/);
  });

  it('and passes the same cases on the backend without a defect', async () => {
    for (const name of new Set(DEFECTS.map(({ caughtBy }) => caughtBy)))
      expect([name, await outcome({ name: 'none', caughtBy: name }, name, 10_000)]).toEqual([name, undefined]);
  });

  it('has a defect for every case that a backend in memory can fail', () => {
    const unproven = CONFORMANCE_CASES.filter(({ name }) => !DEFECTS.some(({ caughtBy }) => name.startsWith(caughtBy)));
    expect(unproven.map(({ name }) => name)).toEqual(['what was committed outlives the process']);
  });
});
