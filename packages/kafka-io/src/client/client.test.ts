import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { KafkaClient } from './client.js';
import { KafkaError } from './error.js';
import { KAFKA_ERRORS } from './error-codes.js';
import { answerEcho, API_VERSIONS, connectTo, echo, ECHO, FakeBroker, METADATA, type Received } from './fixtures.js';
import { idOf } from './scripted/fixtures.js';
import type { ClientOptions } from './types.js';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

async function fake(receive: (request: Received) => void | boolean): Promise<FakeBroker> {
  const broker = await new FakeBroker(receive).listen();
  open.push(broker);
  return broker;
}

async function connect(broker: FakeBroker, options?: Partial<ClientOptions>): Promise<KafkaClient> {
  const client = await connectTo(broker, options);
  open.push(client);
  return client;
}

/** The error of each promise, in their order. */
async function errorsOf(...promises: readonly Promise<unknown>[]): Promise<KafkaError[]> {
  const settled = await Promise.allSettled(promises);
  return settled.map((each) => {
    if (each.status === 'fulfilled') throw new Error('a request was answered that should fail');
    expect(each.reason).toBeInstanceOf(KafkaError);
    return each.reason as KafkaError;
  });
}

describe('a lane of the Kafka client', () => {
  it('keeps the order of 100 requests sent at once, before and after it is connected', async () => {
    const seen: number[] = [];
    const broker = await fake((request) => {
      if (request.api !== ECHO) return;
      seen.push(request.body.int32());
      request.body.offset -= 4;
      answerEcho(request);
    });
    const node = (await connect(broker)).node(1, 'data');
    const numbers = Array.from({ length: 100 }, (_, i) => i);
    for (let round = 0; round < 2; round++) {
      const answers = await Promise.all(numbers.map((i) => node.send(echo(i))));
      expect(answers.map(({ value }) => value)).toEqual(numbers);
    }
    expect(seen).toEqual([...numbers, ...numbers]);
    expect(broker.connections).toBe(2); // that of the first question, and the lane's
  });

  it('puts together an answer of 4 MB that comes in small and crooked pieces, with others right behind it', async () => {
    const size = 4 * 1024 * 1024;
    const broker = await fake((request) => {
      if (request.api !== ECHO) return;
      const value = request.body.int32();
      const bytes = request.encode((writer) => writer.int32(value).bytes(Buffer.alloc(request.body.int32(), value)));
      for (let at = 0, length = 1; at < bytes.length; at += length, length = (length * 7) % 65_521) request.socket.write(bytes.subarray(at, at + length));
    });
    const node = (await connect(broker)).node(1, 'fetch');
    const answers = await Promise.all([node.send(echo(7, size)), node.send(echo(8, 3)), node.send(echo(9, size))]);
    expect(answers.map(({ value, bytes }) => [value, bytes.length])).toEqual([[7, size], [8, 3], [9, size]]);
    expect(answers[0]?.bytes.every((byte) => byte === 7)).toBe(true);
    expect(answers[2]?.bytes.every((byte) => byte === 9)).toBe(true);
  });

  it('rejects all that is under way when the connection is cut, and makes another for what comes then', async () => {
    const broker = await fake((request) => {
      if (request.api !== ECHO) return;
      if (request.connection > 2) answerEcho(request);
      else request.socket.end(request.encode((writer) => writer.int32(1).int32(100)).subarray(0, 8));
    });
    const node = (await connect(broker)).node(1, 'data');
    const errors = await errorsOf(node.send(echo(1)), node.send(echo(2)), node.send(echo(3)));
    for (const error of errors) expect(error).toMatchObject({ kind: 'connection', retriable: true, place: { api: 'Echo', broker: broker.address } });
    expect((await node.send(echo(4))).value).toBe(4);
  });

  it('gives the connection up with the first answer that is overdue', async () => {
    const broker = await fake((request) => {
      if (request.api === ECHO && request.connection > 2) answerEcho(request);
    });
    const node = (await connect(broker)).node(1, 'data');
    const [late, behind] = await errorsOf(node.send(echo(1), { timeout: 50 }), node.send(echo(2)));
    expect(late).toMatchObject({ kind: 'timeout', retriable: true, message: expect.stringContaining('no answer within 50 ms') });
    expect(behind).toMatchObject({ kind: 'connection', message: expect.stringContaining('Echo was not answered within 50 ms') });
    expect((await node.send(echo(3))).value).toBe(3);
  });

  it('takes an answer that came in time while the process was too busy to look', async () => {
    const broker = await fake((request) => {
      if (request.api !== ECHO) return;
      answerEcho(request);
      for (const until = performance.now() + 150; performance.now() < until; );
    });
    const node = (await connect(broker)).node(1, 'data');
    await node.send(echo(0), { timeout: 10_000 });
    expect((await node.send(echo(1, 1000), { timeout: 50 })).bytes.length).toBe(1000);
  });

  it('rejects what waits for a connection once its time is over', async () => {
    const broker = await fake((request) => request.api === API_VERSIONS && request.connection > 1);
    const node = (await connect(broker, { connectionTimeout: 300 })).node(1, 'data');
    const [late, unconnected] = await errorsOf(node.send(echo(1), { timeout: 50 }), node.send(echo(2)));
    expect(late).toMatchObject({ kind: 'timeout', message: expect.stringContaining('no answer within 50 ms') });
    expect(unconnected).toMatchObject({ kind: 'timeout', message: expect.stringContaining('no connection within 300 ms') });
  });

  it('rejects an answer that is longer than it should be, and goes on', async () => {
    const broker = await fake((request) => {
      if (request.api === ECHO) request.answer((writer) => writer.int32(request.body.int32()).int32(0).int8(1));
    });
    const node = (await connect(broker)).node(1, 'data');
    const [error] = await errorsOf(node.send(echo(1)));
    expect(error).toMatchObject({ kind: 'malformed', retriable: false, message: expect.stringContaining('1 bytes are left over') });
    expect(broker.connections).toBe(2);
  });

  it('rejects a request with a value that does not fit, and no other', async () => {
    const broker = await fake((request) => {
      if (request.api === ECHO) answerEcho(request);
    });
    const node = (await connect(broker)).node(1, 'data');
    const [before, wrong, after] = await Promise.allSettled([node.send(echo(1)), node.send(echo(2 ** 40)), node.send(echo(3))]);
    expect([before.status, after.status]).toEqual(['fulfilled', 'fulfilled']);
    expect(wrong).toMatchObject({ status: 'rejected', reason: { kind: 'malformed', message: expect.stringContaining('the request cannot be written') } });
  });

  it('says which versions a broker speaks that does not know ours', async () => {
    const broker = await fake(({ api, answer }) => {
      if (api !== API_VERSIONS) return false;
      answer((writer) => writer.int16(0).array([[METADATA, 0, 12], [ECHO, 2, 3]], ([key = 0, min = 0, max = 0]) => writer.int16(key).int16(min).int16(max)).int32(0));
      return true;
    });
    const node = (await connect(broker)).node(1, 'data');
    const [error] = await errorsOf(node.send(echo(1)));
    expect(error).toMatchObject({ kind: 'unsupported', message: expect.stringContaining('version 1 of Echo is needed, the broker speaks 2 to 3') });
  });

  it('rejects all that is under way at close, and whatever comes later', async () => {
    const broker = await fake(() => {});
    const client = await connect(broker);
    const node = client.node(1, 'data');
    const sent = [node.send(echo(1)), node.send(echo(2)), client.node(1, 'other').send(echo(3))];
    const settled = errorsOf(...sent);
    const closed = [...broker.sockets].map((socket) => once(socket, 'close'));
    await client.close();
    for (const error of await settled) expect(error).toMatchObject({ kind: 'closed', place: { api: 'Echo' } });
    for (const error of await errorsOf(node.send(echo(4)), client.node(1, 'new').send(echo(5)), client.refresh(['t']))) expect(error).toMatchObject({ kind: 'closed' });
    await Promise.all(closed);
    await vi.waitFor(() => expect(broker.sockets.size).toBe(0));
    await client.close();
  });
});

describe('connecting the Kafka client', () => {
  it('tries one broker after the other', async () => {
    const gone = await new FakeBroker(() => {}).listen();
    const { address } = gone;
    await gone.close();
    const frozen = await fake(() => true);
    const broker = await fake(() => {});
    const client = await connect(broker, { brokers: [address, frozen.address, broker.address], connectionTimeout: 100 });
    expect([client.clusterId, client.nodeIds]).toEqual(['fake', [1]]);
  });

  it('names every broker that does not answer', async () => {
    const gone = await new FakeBroker(() => {}).listen();
    const { address } = gone;
    await gone.close();
    const deaf = await fake(({ socket }) => {
      socket.end();
      return true;
    });
    const [error] = await errorsOf(connectTo(deaf, { brokers: [address, deaf.address] }));
    expect(error).toMatchObject({ kind: 'connection', message: expect.stringMatching(new RegExp(`ECONNREFUSED.*${address}.*may want TLS.*SASL.*${deaf.address}`, 's')) });
  });

  it.each([
    ['TLS', [0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x46], 'the listener speaks TLS'],
    ['HTTP', [...Buffer.from('HTTP/1.1 400 Bad Request\r\n')], 'the answer is HTTP'],
    ['nonsense', [0xff, 0xff, 0xff, 0xff], 'an answer of -1 bytes is announced'],
  ])('says that the other side speaks %s', async (_, bytes, message) => {
    const broker = await fake(({ socket }) => {
      socket.write(Buffer.from(bytes));
      return true;
    });
    const [error] = await errorsOf(connectTo(broker));
    expect(error).toMatchObject({ kind: 'malformed', retriable: false, message: expect.stringContaining(message) });
  });
});

describe('what the Kafka client knows of the cluster', () => {
  const TOPIC = (writer: Parameters<Parameters<Received['answer']>[0] & {}>[0], broker: FakeBroker, errorCode: number, leader: number): void => {
    writer.tags(); // of the header
    writer.int32(0).compactArray([broker.port], (port) => writer.int32(1).compactString('127.0.0.1').int32(port).compactNullableString(null).tags());
    writer.compactNullableString('fake').int32(1).compactArray(['t'], (topic) => {
      writer.int16(errorCode).compactString(topic).uuid(idOf(topic)).boolean(false).compactArray([1, 0], (partition) => {
        writer.int16(0).int32(partition).int32(partition === 0 ? leader : -1).int32(5);
        for (let i = 0; i < 3; i++) writer.compactArray([1], (id) => writer.int32(id));
        writer.tags();
      });
      writer.int32(0).tags();
    });
    writer.int32(0).tags();
  };

  it('is leaders by partition, none where nobody leads, no topic where there is none', async () => {
    let errorCode = 0;
    const broker: FakeBroker = await fake(({ api, answer }) => {
      if (api !== METADATA) return false;
      answer((writer) => TOPIC(writer, broker, errorCode, 1));
      return true;
    });
    const client = await connect(broker);
    const topics = await client.metadata(['t']);
    expect(topics.get('t')?.partitions.map(({ partition, leader, leaderEpoch, isr }) => ({ partition, leader, leaderEpoch, isr }))).toEqual([
      { partition: 0, leader: 1, leaderEpoch: 5, isr: [1] },
      { partition: 1, leader: undefined, leaderEpoch: 5, isr: [1] },
    ]);
    expect([client.topicId('t'), client.topicId('u'), client.partitionCount('t'), client.partitionCount('u')]).toEqual([idOf('t'), undefined, 2, 0]);
    expect([client.leader('t', 0), client.leader('t', 1), client.leader('t', 2), client.leader('u', 0)]).toEqual([1, undefined, undefined, undefined]);
    errorCode = KAFKA_ERRORS.TOPIC_AUTHORIZATION_FAILED;
    const [refused] = await errorsOf(client.metadata(['t']));
    expect(refused?.message).toContain('TOPIC_AUTHORIZATION_FAILED: this client lacks Describe on topic "t"');
    errorCode = KAFKA_ERRORS.UNKNOWN_TOPIC_OR_PARTITION;
    expect((await client.metadata(['t'])).size).toBe(0);
    expect(client.leader('t', 0)).toBeUndefined();
  });

  it('is asked for once by all who refresh together, and once more by those who come meanwhile', async () => {
    const asked: string[][] = [];
    const held: (() => void)[] = [];
    const broker: FakeBroker = await fake(({ api, body, answer }) => {
      if (api !== METADATA) return false;
      body.tags(); // of the header
      const topics = body.compactArray(() => {
        body.uuid();
        const topic = body.compactString();
        body.tags();
        return topic;
      });
      if (topics.length === 0) return false;
      asked.push(topics);
      held.push(() => answer((writer) => TOPIC(writer, broker, 0, 1)));
      return true;
    });
    const client = await connect(broker);
    const first = Promise.all([client.refresh(['t']), client.refresh(['u', 't']), client.refresh(['t'])]);
    await vi.waitFor(() => expect(asked).toEqual([['t', 'u']]));
    const second = Promise.all([client.refresh(['v']), client.refresh(['t'])]);
    held[0]?.();
    await first;
    expect(client.leader('t', 0)).toBe(1);
    await vi.waitFor(() => expect(asked).toEqual([['t', 'u'], ['v', 't']]));
    held[1]?.();
    await second;
  });

  it('is the coordinator, waited for while there is none, asked for again only once it was forgotten', async () => {
    const FIND_COORDINATOR = 10;
    let asked = 0;
    const broker: FakeBroker = await fake(({ api, answer }) => {
      if (api !== FIND_COORDINATOR) return false;
      const errorCode = ++asked < 3 ? KAFKA_ERRORS.COORDINATOR_NOT_AVAILABLE : 0;
      answer((writer) => writer.int32(0).int16(errorCode).nullableString(null).int32(errorCode === 0 ? 1 : -1).string(errorCode === 0 ? '127.0.0.1' : '').int32(broker.port));
      return true;
    });
    const client = await connect(broker);
    const nodes = await Promise.all([client.groupCoordinator('g'), client.groupCoordinator('g')]);
    expect([asked, ...nodes.map(({ nodeId }) => nodeId)]).toEqual([3, 1, 1]);
    await client.groupCoordinator('g');
    expect(asked).toBe(3);
    client.forgetCoordinator('group', 'g');
    await client.groupCoordinator('g', 'own');
    await client.transactionCoordinator('g');
    expect(asked).toBe(5);
  });
});
