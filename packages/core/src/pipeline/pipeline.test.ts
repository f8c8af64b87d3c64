import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { avro, type RecordOf } from '../codec/index.js';
import { MillraceError } from '../error/index.js';
import { memoryBackend } from '../memory/index.js';
import { input, operator, Operator, output } from '../operator/index.js';
import { InputPort, OutputPort } from '../port/index.js';
import { Pipeline } from './index.js';

const Greeting = avro(z.object({ text: z.string() }).meta({ id: 'Greeting' }));
type Greeting = RecordOf<typeof Greeting>;

@operator()
class Writer extends Operator {
  @output(Greeting) declare readonly greetings: OutputPort<Greeting>;
  override onRunning(): boolean {
    return true;
  }
}
@operator()
class Reader extends Operator {
  @input(Greeting) declare readonly greetings: InputPort<Greeting>;
  override onRunning(): void {}
}
class Undecorated extends Writer {}

/** References as plain JavaScript sees them. */
type Loose = Record<string, { connect(...outputs: readonly unknown[]): void; from(location: string): void; to(location: string): void; deadLetters: unknown }>;

function thrown(run: () => unknown): MillraceError {
  try {
    run();
  } catch (error) {
    if (MillraceError.is(error)) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('names', () => {
  class Hello extends Pipeline {
    readonly writer = this.add(Writer);
    readonly reader = this.add(Reader, {}, { replicas: 3 });
    readonly given = this.add(Reader, {}, { name: 'other' });
    constructor(name: string) {
      super(name);
      this.reader.greetings.connect(this.writer.greetings);
      this.given.greetings.connect(this.writer.greetings);
    }
  }

  it('are those of the fields, or those given', () => {
    const { name, names, nodes } = new Hello('hello').definition();
    expect(name).toBe('hello');
    expect(nodes.map((node) => names.get(node))).toEqual(['writer', 'reader', 'other']);
  });

  it('are missing without a field', () => {
    const pipeline = new Pipeline('p');
    pipeline.add(Writer);
    pipeline.add(Writer, {}, { name: 'named' });
    expect(pipeline.definition().nodes.map((node) => pipeline.definition().names.get(node))).toEqual([undefined, 'named']);
  });

  it('of two pipelines of one class have nothing to do with each other', () => {
    const [one, two] = [new Hello('one'), new Hello('two')];
    expect(one.definition().nodes[0]).not.toBe(two.definition().nodes[0]);
    expect(one.plan({ location: 'memory:', backends: [memoryBackend] }).channels.map(({ name }) => name)).toEqual(['one.reader.greetings', 'one.other.greetings']);
  });
});

describe('add', () => {
  it('takes decorated classes only, not even an undecorated subclass of one', () => {
    const pipeline = new Pipeline('p');
    expect(thrown(() => pipeline.add(Undecorated)).message).toMatchInlineSnapshot(`"MILLRACE_NOT_AN_OPERATOR: Undecorated is not decorated; write @operator(import.meta) above the class, also above a subclass"`);
    expect(thrown(() => pipeline.add(class extends Operator { override onRunning(): void {} })).message).toMatchInlineSnapshot(`"MILLRACE_NOT_AN_OPERATOR: the class is not decorated; write @operator(import.meta) above the class, also above a subclass"`);
    expect(thrown(() => pipeline.add(undefined as never, {} as never)).message).toMatchInlineSnapshot(`"MILLRACE_NOT_AN_OPERATOR: pipeline p was to add undefined, which is no operator class"`);
    expect(thrown(() => pipeline.add({} as never, {} as never)).code).toBe('MILLRACE_NOT_AN_OPERATOR');
    expect(thrown(() => pipeline.add(Pipeline as never, {} as never)).code).toBe('MILLRACE_NOT_AN_OPERATOR');
  });

  it('keeps parameters and options as they were given', () => {
    const pipeline = new Pipeline('p');
    pipeline.add(Writer, { any: 1 } as never, { name: 'w', replicas: -1 });
    expect(pipeline.definition().nodes).toMatchObject([{ type: Writer, parameters: { any: 1 }, options: { name: 'w', replicas: -1 } }]);
  });
});

describe('references', () => {
  const pipeline = new Pipeline('p');
  const writer = pipeline.add(Writer, {}, { name: 'writer' });
  const reader = pipeline.add(Reader, {}, { name: 'reader' });
  const looseWriter = writer as unknown as Loose;
  const looseReader = reader as unknown as Loose;

  it('are those of the ports, and are not changed', () => {
    expect(Object.keys(writer)).toEqual(['greetings']);
    expect(Object.entries(reader)).toEqual([['greetings', reader.greetings]]);
    expect('greetngs' in reader).toBe(false);
    expect(() => Object.assign(reader, { more: 1 })).toThrow(TypeError);
    expect(Object.isFrozen(reader.greetings)).toBe(true);
  });

  it('can be awaited, copied, compared and written as JSON', async () => {
    expect(await Promise.resolve(reader)).toBe(reader);
    expect({ ...reader }).toEqual({ greetings: reader.greetings });
    expect(JSON.stringify(writer)).toBe('{"greetings":{}}');
    expect(`${Object.prototype.toString.call(reader)}`).toBe('[object Object]');
  });

  it('name a misspelt port, the nearest one and all that there are', () => {
    expect(thrown(() => looseReader['greetngs']!.connect(writer.greetings)).message).toMatchInlineSnapshot(`"MILLRACE_PORT_UNKNOWN: p.reader (class Reader) has no port greetngs; did you mean greetings? (its ports are greetings (input))"`);
    expect(thrown(() => looseReader['greetngs']!.from('memory:/x?group=g')).code).toBe('MILLRACE_PORT_UNKNOWN');
    expect(thrown(() => looseReader['greetngs']!.deadLetters).code).toBe('MILLRACE_PORT_UNKNOWN');
    const error = thrown(() => reader.greetings.connect(looseWriter['bills'] as never));
    expect(error.message).toMatchInlineSnapshot(`"MILLRACE_PORT_UNKNOWN: p.writer (class Writer) has no port bills (its ports are greetings (output))"`);
    expect(error).toMatchObject({ code: 'MILLRACE_PORT_UNKNOWN', operator: 'p.writer', port: 'bills' });
  });

  it('name the operator by its class while it has no name yet', () => {
    class Early extends Pipeline {
      readonly reader = this.add(Reader);
      readonly wrong = (this.reader as unknown as Loose)['greeting']!.connect();
    }
    expect(thrown(() => new Early('early')).message).toContain('early.reader (class Reader) has no port greeting; did you mean greetings?');
    expect(thrown(() => (new Pipeline('p').add(Reader) as unknown as Loose)['x']!.connect()).message).toContain('p.Reader (class Reader) has no port x (its ports are greetings (input))');
  });

  it('are connected from input to output, and say so', () => {
    expect(thrown(() => reader.greetings.connect(undefined as never)).message).toMatchInlineSnapshot(`"MILLRACE_CONNECTION_INVALID: p.reader.greetings: it is connected to undefined, which is no output port"`);
    expect(thrown(() => reader.greetings.connect(writer as never)).message).toMatchInlineSnapshot(`"MILLRACE_CONNECTION_INVALID: p.reader.greetings: it is connected to an object that is no output port; pass a port of what add returned, such as writer.greetings"`);
    expect(thrown(() => reader.greetings.connect(reader.greetings as never)).message).toMatchInlineSnapshot(`"MILLRACE_CONNECTION_INVALID: p.reader.greetings: it is connected to reader.greetings, which is an input too"`);
    expect(thrown(() => looseWriter['greetings']!.connect(reader.greetings)).message).toMatchInlineSnapshot(`"MILLRACE_CONNECTION_INVALID: p.writer.greetings: it is an output; connect is called on the input that reads it: input.connect(output)"`);
    expect(pipeline.definition().connections).toEqual([]);
  });

  it('leave the connections before a wrong one in place', () => {
    const own = new Pipeline('own');
    const [from, to] = [own.add(Writer, {}, { name: 'from' }), own.add(Reader, {}, { name: 'to' })];
    expect(() => to.greetings.connect(from.greetings, null as never)).toThrow('no output port');
    expect(own.definition().connections).toHaveLength(1);
  });
});
