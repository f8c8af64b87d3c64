import { equal, failsWith, holds } from '../check.js';
import { numbered } from '../records.js';
import type { ConformanceCase } from '../types.js';

const group = 'locations and resources';

export const resourceCases: readonly ConformanceCase[] = [
  {
    group,
    name: 'parse gives one spelling, and refuses an unknown query key by name',
    async run({ target: { backend, location } }) {
      const { location: canonical } = backend.parse(location);
      equal(backend.parse(canonical).location, canonical, 'parsing the canonical spelling gives it again');
      holds(backend.schemes.includes(canonical.slice(0, canonical.indexOf(':'))), `the spelling ${canonical} begins with a scheme of the backend`);
      const error = await failsWith('MILLRACE_LOCATION_INVALID', 'an unknown query key', () => backend.parse(`${location}${location.includes('?') ? '&' : '?'}no-such-key=1`));
      holds(error.message.includes('no-such-key'), `the error names the unknown query key: ${error.message}`);
    },
  },
  {
    group,
    name: 'capabilities are the same with and without a connection; check finds nothing wrong with plain channels',
    async run(context) {
      const { backend, location } = context.target;
      const transport = await context.transport();
      equal(transport.capabilities, backend.capabilities(location), 'capabilities of the transport');
      const errors = backend.check([context.spec({ partitions: 3, groups: ['some.group'] })], location).filter(({ severity }) => severity === 'error');
      equal(errors, [], 'problems of a plain channel');
      holds(transport.limits.recordBytes > 0 && transport.limits.stateBytes > 0, 'limits are positive numbers of bytes');
    },
  },
  {
    group,
    name: 'two connections to one place have one identity and see the same channels',
    async run(context) {
      const [one, two] = [await context.transport(), await context.connect()];
      equal(two.identity, one.identity, 'identity');
      const channel = await context.channel({ partitions: 2 });
      equal((await two.describeChannel(channel))?.partitions, 2, 'partitions seen by the other connection');
    },
  },
  {
    group,
    name: 'createResources makes a channel that describeChannel shows; what is not there is undefined',
    async run(context) {
      const transport = await context.transport();
      const spec = context.spec({ partitions: 3, groups: ['early'] });
      equal(await transport.describeChannel(spec.name), undefined, 'a channel that does not exist');
      await transport.createResources([spec]);
      const { name, partitions, starts, ends, groups } = await context.describe(spec.name);
      equal([name, partitions], [spec.name, 3], 'name and partitions');
      for (const partition of [0, 1, 2]) equal(starts.get(partition), ends.get(partition), `start and end of the empty partition ${partition}`);
      equal([starts.size, ends.size], [3, 3], 'partitions with a start and an end');
      holds(groups.has('early'), 'a group of the specification is known');
    },
  },
  {
    group,
    name: 'createResources is idempotent, also when called twice at once, and keeps what is in the channel',
    async run(context) {
      const [one, two] = [await context.transport(), await context.connect()];
      const specs = [context.spec({ partitions: 2 }), context.spec()];
      await Promise.all([one.createResources(specs), two.createResources(specs)]);
      const [{ name = '' } = {}] = specs;
      const replica = await context.replica();
      await replica.publish(await replica.writer(name), context.batch(['kept']));
      await one.createResources(specs);
      equal((await replica.read(await replica.reader(name, { partitions: [0, 1] }), 1)).values, ['kept'], 'records after the second call');
    },
  },
  {
    group,
    name: 'createResources with another partition count is refused, and then makes none of the channels',
    async run(context) {
      const transport = await context.transport();
      const existing = await context.channel({ partitions: 2 });
      const [before, after] = [context.spec(), context.spec()];
      await failsWith('MILLRACE_CHANNEL_MISMATCH', 'another partition count', () => transport.createResources([before, context.spec({ name: existing, partitions: 3 }), after]));
      equal((await context.describe(existing)).partitions, 2, 'partitions of the existing channel');
      equal(await transport.describeChannel(before.name), undefined, 'the channel named before it');
      equal(await transport.describeChannel(after.name), undefined, 'the channel named after it');
    },
  },
  {
    group,
    name: 'createResources adds groups that a channel lacks; they miss nothing that is still there',
    async run(context) {
      const transport = await context.transport();
      const channel = await context.channel({ groups: ['first'] });
      const replica = await context.replica();
      const writer = await replica.writer(channel);
      await replica.publish(writer, context.batch(numbered(3)));
      await transport.createResources([context.spec({ name: channel, groups: ['first', 'second'] })]);
      await replica.publish(writer, context.batch(numbered(3, 3)));
      const first = await replica.read(await replica.reader(channel, { group: 'first' }), 6);
      await replica.commit(first.positions);
      const reader = await replica.reader(channel, { group: 'second', start: 'latest' });
      equal((await replica.read(reader, 6)).values, numbered(6), 'records of the group that was added');
    },
  },
  {
    group,
    name: 'deleteResources removes channels with their positions; one of the same name begins empty',
    async run(context) {
      const transport = await context.transport();
      const channel = await context.channel();
      const replica = await context.replica();
      await replica.publish(await replica.writer(channel), context.batch(numbered(5)));
      const { positions } = await replica.read(await replica.reader(channel), 5);
      await replica.commit(positions);
      await replica.session.close();
      await transport.deleteResources({ channels: [channel] });
      equal(await transport.describeChannel(channel), undefined, 'a deleted channel');
      await context.waiting.until(async () => transport.createResources([context.spec({ name: channel })]).then(() => true, () => false), 'a channel of that name can be made again');
      const again = await context.replica();
      const { reader, offsets } = await again.placed(channel);
      const start = (await context.describe(channel)).starts.get(0);
      equal(offsets.get(0), start, 'position in the new channel');
      await again.publish(await again.writer(channel), context.batch(['new']));
      equal((await again.read(reader, 1)).values, ['new'], 'records of the new channel');
    },
  },
  {
    group,
    name: 'deleteResources removes the state of owners, passes over what does not exist, and leaves the rest',
    async run(context) {
      const transport = await context.transport();
      const [gone, kept] = [context.owner(), context.owner()];
      for (const id of [gone, kept]) {
        const replica = await context.replica({ id });
        await replica.commit(new Map(), new Map([['key', new Uint8Array([1])]]));
        await replica.session.close();
      }
      await transport.deleteResources({ channels: [context.name('nothing')], owners: [gone, context.owner()] });
      equal((await context.replica({ id: gone })).session.state.size, 0, 'state entries of a deleted owner');
      equal((await context.replica({ id: kept })).session.state.size, 1, 'state entries of another owner');
    },
  },
  {
    group,
    name: 'readers and writers of a channel that does not exist are refused',
    async run(context) {
      const { session } = await context.replica();
      const channel = context.name('nothing');
      await failsWith('MILLRACE_CHANNEL_UNKNOWN', 'a reader of nothing', async () => {
        const reader = await session.reader(channel, { group: channel, partitions: [0], start: 'earliest' });
        await reader.loadInputRecordOffset();
      });
      await failsWith('MILLRACE_CHANNEL_UNKNOWN', 'a writer of nothing', () => session.writer(channel));
    },
  },
  {
    group,
    name: 'external readers and writers use a channel that somebody else made',
    async run(context) {
      const channel = await context.channel();
      const replica = await context.replica();
      const writer = await context.waiting.within(replica.session.writer(channel, { external: true }), 'an external writer');
      await replica.publish(writer, context.batch(numbered(3)));
      const other = await context.replica({}, await context.connect());
      const reader = await other.reader(channel, { group: context.name('billing'), external: true });
      equal((await other.read(reader, 3)).values, numbered(3), 'records read through an external binding');
    },
  },
  {
    group,
    name: 'a writer knows the partitions of its channel, both ends know its name',
    async run(context) {
      const channel = await context.channel({ partitions: 3 });
      const replica = await context.replica();
      const writer = await replica.writer(channel);
      const reader = await replica.reader(channel, { group: 'some', partitions: [2, 0] });
      equal([writer.channel, writer.partitions], [channel, 3], 'channel and partitions of a writer');
      equal([reader.channel, reader.group, [...reader.partitions].sort()], [channel, 'some', [0, 2]], 'channel, group and partitions of a reader');
    },
  },
  {
    group,
    name: 'what is closed is closed: sessions and transports refuse, and closing again is quiet',
    async run(context) {
      const transport = await context.connect();
      const channel = await context.channel();
      const replica = await context.replica({}, transport);
      const writer = await replica.writer(channel);
      await replica.session.close();
      await replica.session.close();
      await failsWith('MILLRACE_SESSION_CLOSED', 'a commit of a closed session', () => replica.session.commit(new Map()));
      await failsWith('MILLRACE_SESSION_CLOSED', 'a write in a closed session', () => writer.writeRecords(context.batch(['late'])));
      await failsWith('MILLRACE_SESSION_CLOSED', 'a reader of a closed session', () => replica.session.reader(channel, { group: channel, partitions: [0], start: 'earliest' }));
      await failsWith('MILLRACE_SESSION_CLOSED', 'a writer of a closed session', () => replica.session.writer(channel));
      const open = await context.replica({}, transport);
      await transport.close();
      await transport.close();
      await failsWith('MILLRACE_SESSION_CLOSED', 'a session of a closed transport', () => open.session.commit(new Map()));
      await failsWith('MILLRACE_SESSION_CLOSED', 'open on a closed transport', () => transport.open({ id: context.owner(), delivery: 'at-least-once', wake: () => undefined }));
    },
  },
];
