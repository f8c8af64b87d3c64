import { DeadLetter, input, InputPort, Operator, operator, Pipeline, silentLogger, type DeadLetter as Letter } from '@millrace/core';
import { SettableClock } from '@millrace/testing';
import { ContainerModule, inject } from 'inversify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { orchestrate } from '../index.js';
import { chain, collects, metricsOf, Num, nums, Place, range, Relay, Sink, Source, throwsAt, throwsInLoop, type Role } from './fixtures.js';

let place: Place;
beforeEach(() => {
  place = new Place();
});
afterEach(() => place.clear());

/** Collects dead letters. */
class Graveyard {
  readonly letters: Letter[] = [];
}

@operator(import.meta)
class Undertaker extends Operator {
  @input(DeadLetter) declare readonly letters: InputPort<Letter>;
  constructor(@inject(Graveyard) private readonly graveyard: Graveyard) {
    super();
  }
  override onRunning() {
    this.graveyard.letters.push(...this.letters.retrieve());
  }
}

describe.each(['', 'wire'])('a dead letter, memory:?%s', (query) => {
  it.each(['at-least-once', 'exactly-once'] as const)('has all that the record had, why it was given up and how often it was tried; another operator reads it, %s', async (delivery) => {
    place = new Place(query);
    const clock = new SettableClock();
    const graveyard = new Graveyard();
    const source = place.add(Source, 'source', {
      async onRunning({ out }) {
        await out.send(nums(0, 6), { key: ({ n }) => `key ${n}`, headers: ({ n }) => [['h', `${n}`]], timestamp: ({ n }) => 1_000 + n, partition: 1 });
        return true;
      },
    });
    const relay = place.add(Relay, 'relay', throwsAt([4]), { delivery, ports: { in: { partitions: 2, onError: 'deadLetter', retries: 2, backoff: 0 } } });
    relay.in.connect(source.out);
    place.pipeline.add(Undertaker, {}, { name: 'undertaker' }).letters.connect(relay.in.deadLetters);
    const services = new ContainerModule(({ bind }) => void bind(Graveyard).toConstantValue(graveyard));
    const run = await place.start({ clock, services: [place.services, services] });
    await run.completed;
    expect(graveyard.letters).toHaveLength(1);
    expect(graveyard.letters[0]).toEqual({
      value: expect.objectContaining({ length: 1 }) as Uint8Array,
      key: new Uint8Array(Buffer.from('key 4')),
      headers: [{ name: 'h', value: new Uint8Array(Buffer.from('4')) }],
      timestamp: 1_004, channel: 'p.relay.in', partition: 1, offset: 4, schema: Num.fingerprint, operator: 'p.relay#0', port: 'in', attempts: 3,
      cause: { code: null, message: 'bad 4', stack: expect.stringContaining('fixtures.ts') as string },
    });
    // Avro integers are zigzag: 8 is 4.
    expect(graveyard.letters[0]?.value?.[0]).toBe(8);
  });

  it('that nobody of the pipeline reads stays when the run is done', async () => {
    place = new Place(query);
    chain(place, throwsAt([1, 3]), { delivery: 'exactly-once', ports: { in: { onError: 'deadLetter' } } }, 5, 5);
    expect((await (await place.start()).completed).outcome).toBe('done');
    const ends = await place.look(async (transport) => (await transport.describeChannel('p.relay.in.deadLetters'))?.ends);
    expect(ends).toEqual(new Map([[0, 2]]));
    expect(await place.look((transport) => transport.describeChannel('p.relay.in'))).toBeUndefined();
  });

  it('can be read later, by a pipeline of its own', async () => {
    place = new Place(query);
    chain(place, throwsAt([1, 3]), { delivery: 'exactly-once', ports: { in: { onError: 'deadLetter' } } }, 5, 5);
    await (await place.start()).completed;
    const graveyard = new Graveyard();
    const inquest = new Pipeline('inquest');
    inquest.add(Undertaker, {}, { name: 'undertaker' }).letters.from(`${place.location.replace(/\??(wire)?$/, '')}/p.relay.in.deadLetters?${query === '' ? '' : `${query}&`}group=inquest&until=end`);
    const services = new ContainerModule(({ bind }) => void bind(Graveyard).toConstantValue(graveyard));
    await (await orchestrate(inquest, { location: place.location, services, logger: silentLogger, handleSignals: false })).completed;
    expect(graveyard.letters.map(({ offset, cause }) => [offset, cause.message])).toEqual([[1, 'bad 1'], [3, 'bad 3']]);
  });
});

describe('a dead letter that cannot be sent', () => {
  it('ends the run, and no other record pays for it', async () => {
    place = new Place('wire&bytes=100');
    const got = chain(place, throwsAt([2]), { delivery: 'exactly-once', ports: { in: { onError: 'deadLetter' } } }, 5, 1);
    await expect((await place.start()).completed).rejects.toMatchObject({ code: 'MILLRACE_RECORD_TOO_LARGE', channel: 'p.relay.in.deadLetters' });
    expect(got).toEqual(range(got.length));
    expect((await place.committed('p.relay.in'))[0]).toBeLessThanOrEqual(2);
  });
});

describe('a record that cannot be decoded', () => {
  /** The numbers from 0 to 5 as bytes, of which 2 and 3 are cut short. */
  const write = async (into: Place): Promise<void> => {
    await into.look(async (transport) => {
      const session = await transport.open({ id: 'stranger', delivery: 'at-least-once', wake() {} });
      const writer = await session.writer('p.relay.in');
      // A byte with its highest bit set says that another one follows.
      void writer.writeRecords({ partition: 0, count: 6, bytes: Uint8Array.of(0, 2, 0x84, 0x86, 8, 10), bounds: Uint32Array.of(0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6), schema: Num.fingerprint, timestamp: 5, keys: range(6).map((n) => Uint8Array.of(n)), headers: range(6).map(() => [['h', Uint8Array.of(1)]]) });
      await session.commit(new Map());
    });
  };
  const passes: Record<string, Role<Relay>> = { retrieve: throwsAt([]), 'a loop': throwsInLoop([]), 'retrieve and retries': throwsAt([4]), 'a loop and retries': throwsInLoop([4]) };

  /** Begins with the corrupt records in the channel. */
  const begin = async (role: Role<Relay>, onError: 'fail' | 'skip' | 'deadLetter', graveyard?: Graveyard) => {
    place = new Place('wire');
    const got: number[] = [];
    const source = place.add(Source, 'source', { onRunning: () => true });
    const relay = place.add(Relay, 'relay', role, { delivery: 'exactly-once', ports: { in: { onError } } });
    relay.in.connect(source.out);
    place.add(Sink, 'sink', collects(got)).in.connect(relay.out);
    if (graveyard !== undefined) place.pipeline.add(Undertaker, {}, { name: 'undertaker' }).letters.connect(relay.in.deadLetters);
    const services = new ContainerModule(({ bind }) => void bind(Graveyard).toConstantValue(graveyard ?? new Graveyard()));
    await (await place.start({ mode: 'ResourceCreationOnly' })).completed;
    await write(place);
    const run = await place.start({ services: [place.services, services] });
    return { got, run };
  };

  it.each(Object.entries(passes))('is left out, and the others are not, with %s', async (name, role) => {
    const { got, run } = await begin(role, 'skip');
    expect((await run.completed).outcome).toBe('done');
    expect(got).toEqual(name.includes('retries') ? [0, 1, 5] : [0, 1, 4, 5]);
    expect((await metricsOf(run, 'relay'))?.ports.find(({ port }) => port === 'in')?.skipped).toBeGreaterThanOrEqual(2);
  });

  it.each(Object.entries(passes))('becomes a dead letter with its bytes as they came, once, with %s', async (name, role) => {
    const graveyard = new Graveyard();
    const { got, run } = await begin(role, 'deadLetter', graveyard);
    await run.completed;
    expect(got).toEqual(name.includes('retries') ? [0, 1, 5] : [0, 1, 4, 5]);
    expect(graveyard.letters.map(({ offset }) => offset)).toEqual(name.includes('retries') ? [2, 3, 4] : [2, 3]);
    expect(graveyard.letters[0]).toMatchObject({ value: Uint8Array.of(0x84), key: Uint8Array.of(2), headers: [{ name: 'h', value: Uint8Array.of(1) }], timestamp: 5, partition: 0, offset: 2, attempts: 1, cause: { code: 'MILLRACE_UNDECODABLE' } });
  });

  it('ends the run where the policy is to fail, with the place and the reason', async () => {
    const { run } = await begin(throwsAt([]), 'fail');
    await expect(run.completed).rejects.toMatchObject({ code: 'MILLRACE_UNDECODABLE', operator: 'p.relay#0', port: 'in', channel: 'p.relay.in', partition: 0, offset: 2, message: expect.stringMatching(/p\.relay#0 cannot decode a record of p\.relay\.in, partition 0, offset 2: /) as string });
    expect(await place.committed('p.relay.in')).toEqual({ 0: 0 });
  });

  it('ends the run also where the operator catches the error', async () => {
    const { run } = await begin({
      onRunning({ in: input }) {
        try {
          input.retrieve();
        } catch {
          return;
        }
      },
    }, 'fail');
    await expect(run.completed).rejects.toMatchObject({ code: 'MILLRACE_UNDECODABLE', offset: 2 });
    expect(await place.committed('p.relay.in')).toEqual({ 0: 0 });
  });
});

