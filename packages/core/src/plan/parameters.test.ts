/** Names, codecs and parameters. Each problem with its exact text. */
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { avro, type RecordOf } from '../codec/index.js';
import { formatProblem } from '../error/index.js';
import { memoryBackend } from '../memory/index.js';
import { input, operator, Operator, operatorMembersOf, output, plugin, type ParametersOf } from '../operator/index.js';
import { Pipeline } from '../pipeline/index.js';
import { Plugin } from '../plugin/index.js';
import { InputPort, OutputPort } from '../port/index.js';
import type { PlanOptions } from './index.js';

const Order = avro(z.object({ id: z.string() }).meta({ id: 'Order' }));
type Order = RecordOf<typeof Order>;

@operator()
class Source extends Operator {
  @output(Order) declare readonly orders: OutputPort<Order>;
  override onRunning(): boolean {
    return true;
  }
}

/** The problems of a pipeline as lines of text. */
function problemsOf(pipeline: Pipeline, options: Partial<PlanOptions> = {}): readonly string[] {
  return pipeline.plan({ location: 'memory:', backends: [memoryBackend], ...options }).problems.map(formatProblem);
}

describe('names', () => {
  it('are given, well formed and given once', () => {
    const pipeline = new Pipeline('my pipeline');
    pipeline.add(Source);
    pipeline.add(Source);
    pipeline.add(Source, {}, { name: 'a' });
    pipeline.add(Source, {}, { name: 'a' });
    pipeline.add(Source, {}, { name: '1st' });
    pipeline.add(Source, {}, { name: 'b.c' });
    pipeline.add(Source, {}, { name: '' });
    pipeline.add(Source, {}, { name: 7 as unknown as string });
    expect(problemsOf(pipeline)).toMatchInlineSnapshot(`
      [
        "my pipeline: the pipeline cannot be called "my pipeline"; names have letters, digits, _ and -, and begin with a letter or _ [MILLRACE_NAME_INVALID]",
        "my pipeline: an operator of class Source has no name; keep it in a field of the pipeline or give { name } [MILLRACE_NAME_INVALID]",
        "my pipeline.a: two operators have this name; give one of them another { name } [MILLRACE_NAME_INVALID]",
        "my pipeline.1st: an operator cannot be called "1st"; names have letters, digits, _ and -, and begin with a letter or _ [MILLRACE_NAME_INVALID]",
        "my pipeline.b.c: an operator cannot be called "b.c"; names have letters, digits, _ and -, and begin with a letter or _ [MILLRACE_NAME_INVALID]",
        "my pipeline.: an operator cannot be called ""; names have letters, digits, _ and -, and begin with a letter or _ [MILLRACE_NAME_INVALID]",
        "my pipeline.7: an operator cannot be called 7; names have letters, digits, _ and -, and begin with a letter or _ [MILLRACE_NAME_INVALID]",
      ]
    `);
  });

  it('of an operator are those of its field, or the one given', () => {
    class Fields extends Pipeline {
      readonly first = this.add(Source);
      readonly _second = this.add(Source);
      readonly third = this.add(Source, {}, { name: 'other-name' });
    }
    expect(new Fields('p').plan({ location: 'memory:', backends: [memoryBackend] }).operators.map(({ name }) => name)).toEqual(['first', '_second', 'other-name']);
  });

  it('of ports are not those of members that every operator has, and a field is one thing', () => {
    class Extra extends Plugin {}
    @operator()
    class Base extends Operator {
      @output(Order) declare readonly extra: OutputPort<Order>;
      @output(Order) declare readonly 'my orders': OutputPort<Order>;
      override onRunning(): void {}
    }
    @operator()
    class Clash extends (Base as unknown as typeof Operator) {
      @plugin(Extra) declare readonly extra: Extra;
      override onRunning(): void {}
    }
    // What TypeScript keeps from compiling, plain JavaScript can do.
    output(Order)(Clash.prototype as never, 'onInit' as never);
    output(Order)(Clash.prototype as never, 'context' as never);
    const pipeline = new Pipeline('p');
    pipeline.add(Clash, {}, { name: 'clash' });
    expect([...operatorMembersOf(Base).ports.keys()]).toEqual(['extra', 'my orders']);
    expect(problemsOf(pipeline)).toMatchInlineSnapshot(`
      [
        "p.clash.my orders: a port cannot be called "my orders"; names have letters, digits, _ and -, and begin with a letter or _ [MILLRACE_NAME_INVALID]",
        "p.clash.onInit: a port cannot be called onInit, which every operator has already; rename the field [MILLRACE_NAME_INVALID]",
        "p.clash.context: a port cannot be called context, which every operator has already; rename the field [MILLRACE_NAME_INVALID]",
        "p.clash.extra: the field is a port and a plugin; a subclass redeclares a field as what it was, or under another name [MILLRACE_NAME_INVALID]",
      ]
    `);
  });
});

it('needs a codec for every port', () => {
  @operator()
  class Codeless extends Operator {
    @input(undefined as unknown as typeof Order) declare readonly late: InputPort<Order>;
    @output(z.object({ id: z.string() }) as unknown as typeof Order) declare readonly schema: OutputPort<Order>;
    @output(avro as unknown as typeof Order) declare readonly uncalled: OutputPort<Order>;
    override onRunning(): void {}
  }
  const pipeline = new Pipeline('p');
  const codeless = pipeline.add(Codeless, {}, { name: 'codeless' });
  codeless.late.connect(codeless.schema);
  codeless.uncalled.to('memory:/x?format=json');
  expect(problemsOf(pipeline)).toMatchInlineSnapshot(`
    [
      "p.codeless.late: the input is declared with undefined, which is no codec; check that its module is not imported in a circle [MILLRACE_SCHEMA_UNMAPPABLE]",
      "p.codeless.schema: the output is declared with an object, which is no codec; declare it with what avro(), json(), text() or bytes() gives [MILLRACE_SCHEMA_UNMAPPABLE]",
      "p.codeless.uncalled: the output is declared with a function, which is no codec; declare it with what avro(), json(), text() or bytes() gives [MILLRACE_SCHEMA_UNMAPPABLE]",
      "p: codeless → codeless is a circle over bounded channels (p.codeless.late): once they are full, everybody in it waits for room; let a turn send no more than it takes, with commitInterval: 0, since what is read counts until it is committed; or use a location whose channels are not bounded [MILLRACE_CYCLE_BOUNDED]",
    ]
  `);
  expect(pipeline.plan({ location: 'memory:', backends: [memoryBackend] }).toText()).toContain('codeless');
});

describe('parameters', () => {
  @operator()
  class Taking extends Operator {
    static override readonly parameters = z
      .object({
        recordCount: z.int().positive().describe('How many records to send.'),
        batchSize: z.int().default(10),
        mode: z.enum(['fast', 'safe']).optional(),
        retry: z.object({ times: z.int(), waits: z.array(z.object({ ms: z.number() })).default([]) }).optional(),
        labels: z.record(z.string(), z.object({ text: z.string() })).default({}),
      })
      .refine(({ batchSize }) => batchSize <= 1_000, { message: 'At most 1000.', path: ['batchSize'] });
    declare readonly parameters: ParametersOf<typeof Taking>;
    override onRunning(): void {}
  }
  const withParameters = (type: typeof Taking, parameters: unknown): readonly string[] => {
    const pipeline = new Pipeline('p');
    pipeline.add(type, parameters as never, { name: 'taking' });
    return problemsOf(pipeline);
  };

  it('that are right make no problem', () => {
    expect(withParameters(Taking, { recordCount: 1, mode: 'safe', retry: { times: 1, waits: [{ ms: 1 }] }, labels: { any: { text: 'x' } } })).toEqual([]);
  });

  it('that are missing or wrong are named, with what they are for', () => {
    expect(withParameters(Taking, {})).toMatchInlineSnapshot(`
      [
        "p.taking.recordCount: the parameter is missing, expected number; give it in add: How many records to send [MILLRACE_PARAMETER_INVALID]",
      ]
    `);
    expect(withParameters(Taking, { recordCount: -1, mode: 'quick', retry: { waits: [{ ms: 'x' }] }, labels: { any: { text: 1 } } })).toMatchInlineSnapshot(`
      [
        "p.taking.recordCount: Too small: expected number to be >0; correct it in add: How many records to send [MILLRACE_PARAMETER_INVALID]",
        "p.taking.mode: Invalid option: expected one of "fast"|"safe"; correct it in add [MILLRACE_PARAMETER_INVALID]",
        "p.taking.retry.times: the parameter is missing, expected number; give it in add [MILLRACE_PARAMETER_INVALID]",
        "p.taking.retry.waits.0.ms: Invalid input: expected number, received string; correct it in add [MILLRACE_PARAMETER_INVALID]",
        "p.taking.labels.any.text: Invalid input: expected string, received number; correct it in add [MILLRACE_PARAMETER_INVALID]",
      ]
    `);
    expect(withParameters(Taking, { recordCount: '5', batchSize: 2_000 })).toMatchInlineSnapshot(`
      [
        "p.taking.recordCount: Invalid input: expected number, received string; correct it in add: How many records to send [MILLRACE_PARAMETER_INVALID]",
      ]
    `);
    expect(withParameters(Taking, { recordCount: 5, batchSize: 2_000 })).toMatchInlineSnapshot(`
      [
        "p.taking.batchSize: At most 1000; correct it in add [MILLRACE_PARAMETER_INVALID]",
      ]
    `);
    expect(withParameters(Taking, 'fast')).toMatchInlineSnapshot(`
      [
        "p.taking: Invalid input: expected object, received string; correct it in add [MILLRACE_PARAMETER_INVALID]",
      ]
    `);
    expect(withParameters(Taking, [1])).toMatchInlineSnapshot(`
      [
        "p.taking: Invalid input: expected object, received array; correct it in add [MILLRACE_PARAMETER_INVALID]",
      ]
    `);
  });

  it('that are unknown are named at any depth, with the nearest known one', () => {
    expect(withParameters(Taking, { recordCount: 1, recordcount: 2, batchsize: 3, colour: 'red', retry: { times: 1, time: 1, waits: [{ ms: 1, m: 2 }] }, labels: { any: { text: 'x', txt: 'y' } } })).toMatchInlineSnapshot(`
      [
        "p.taking.recordcount: there is no parameter recordcount; did you mean recordCount? [MILLRACE_PARAMETER_INVALID]",
        "p.taking.batchsize: there is no parameter batchsize; did you mean batchSize? [MILLRACE_PARAMETER_INVALID]",
        "p.taking.colour: there is no parameter colour; the parameters are recordCount, batchSize, mode, retry, labels [MILLRACE_PARAMETER_INVALID]",
        "p.taking.retry.time: there is no parameter time; did you mean times? [MILLRACE_PARAMETER_INVALID]",
        "p.taking.retry.waits.0.m: there is no parameter m; did you mean ms? [MILLRACE_PARAMETER_INVALID]",
        "p.taking.labels.any.txt: there is no parameter txt; did you mean text? [MILLRACE_PARAMETER_INVALID]",
      ]
    `);
  });

  it('of a subclass, of a strict and of an open schema', () => {
    @operator()
    class More extends Taking {
      static override readonly parameters = Taking.parameters.safeExtend({ volume: z.int() });
      declare readonly parameters: ParametersOf<typeof More>;
    }
    @operator()
    class Strict extends Operator {
      static override readonly parameters = z.strictObject({ a: z.int(), kind: z.discriminatedUnion('type', [z.strictObject({ type: z.literal('x') }), z.object({ type: z.literal('y') })]) });
      declare readonly parameters: ParametersOf<typeof Strict>;
      override onRunning(): void {}
    }
    @operator()
    class Open extends Operator {
      static override readonly parameters = z.looseObject({ a: z.int() });
      override onRunning(): void {}
    }
    const pipeline = new Pipeline('p');
    pipeline.add(More, { recordCount: 1, batchSize: 2_000 } as never, { name: 'more' });
    pipeline.add(Strict, { a: 1, b: 2, kind: { type: 'x', z: 1 } } as never, { name: 'strict' });
    pipeline.add(Open, { a: 1, b: 2 }, { name: 'open' });
    expect(problemsOf(pipeline)).toMatchInlineSnapshot(`
      [
        "p.more.volume: the parameter is missing, expected number; give it in add [MILLRACE_PARAMETER_INVALID]",
        "p.strict.b: there is no parameter b; did you mean a? [MILLRACE_PARAMETER_INVALID]",
        "p.strict.kind.z: there is no parameter z; remove it [MILLRACE_PARAMETER_INVALID]",
      ]
    `);
  });

  it('whose check throws or waits are a problem, not an exception', () => {
    @operator()
    class Throwing extends Operator {
      static override readonly parameters = z.object({ a: z.string().transform(() => { throw new Error('no such file.'); }) });
      declare readonly parameters: ParametersOf<typeof Throwing>;
      override onRunning(): void {}
    }
    @operator()
    class Waiting extends Operator {
      static override readonly parameters = z.object({ a: z.string().refine(async () => true) });
      declare readonly parameters: ParametersOf<typeof Waiting>;
      override onRunning(): void {}
    }
    const pipeline = new Pipeline('p');
    pipeline.add(Throwing, { a: '' }, { name: 'throwing' });
    pipeline.add(Waiting, { a: '' }, { name: 'waiting' });
    expect(problemsOf(pipeline)).toMatchInlineSnapshot(`
      [
        "p.throwing: the check of the parameters failed: no such file; parameters are parsed synchronously; refinements and transforms must neither throw nor be async [MILLRACE_PARAMETER_INVALID]",
        "p.waiting: the check of the parameters failed: Encountered Promise during synchronous parse. Use .parseAsync() instead; parameters are parsed synchronously; refinements and transforms must neither throw nor be async [MILLRACE_PARAMETER_INVALID]",
      ]
    `);
  });

  it('of plugins are named by operator and plugin', () => {
    class Server extends Plugin {
      static override readonly parameters = z.object({ port: z.int() });
      declare readonly parameters: ParametersOf<typeof Server>;
    }
    @operator()
    class Served extends Operator {
      static override readonly parameters = z.object({ base: z.string() });
      declare readonly parameters: ParametersOf<typeof Served>;
      @plugin(Server, { parameters: { prot: 80 } as never }) declare readonly given: Server;
      @plugin(Server, { parameters: ({ base }: ParametersOf<typeof Served>) => ({ port: Number(base) }) }) declare readonly made: Server;
      @plugin(Server, { parameters: (_: ParametersOf<typeof Served>) => { throw new Error('no port left'); } }) declare readonly failing: Server;
      override onRunning(): void {}
    }
    const pipeline = new Pipeline('p');
    pipeline.add(Served, { base: 'x' }, { name: 'served' });
    expect(problemsOf(pipeline)).toMatchInlineSnapshot(`
      [
        "p.served.given.prot: there is no parameter prot; did you mean port? [MILLRACE_PARAMETER_INVALID]",
        "p.served.given.port: the parameter is missing, expected number; give it in @plugin [MILLRACE_PARAMETER_INVALID]",
        "p.served.made.port: Invalid input: expected number, received NaN; correct it in @plugin [MILLRACE_PARAMETER_INVALID]",
        "p.served.failing: the function that makes its parameters threw: no port left; correct the function in @plugin [MILLRACE_PARAMETER_INVALID]",
      ]
    `);
    // Of wrong parameters nothing can be made, so that only they are named.
    const wrong = new Pipeline('p');
    wrong.add(Served, { base: 1 } as never, { name: 'served' });
    expect(problemsOf(wrong)).toMatchInlineSnapshot(`
      [
        "p.served.base: Invalid input: expected string, received number; correct it in add [MILLRACE_PARAMETER_INVALID]",
      ]
    `);
  });
});
