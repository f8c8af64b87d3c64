import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { avro, type RecordOf } from '../codec/index.js';
import { memoryBackend } from '../memory/index.js';
import { input, operator, Operator, output, plugin, state, type ParametersOf } from '../operator/index.js';
import { Pipeline } from '../pipeline/index.js';
import { Plugin } from '../plugin/index.js';
import { InputPort, OutputPort } from '../port/index.js';

const Order = avro(z.object({ id: z.string() }).meta({ id: 'com.acme.Order' }));
type Order = RecordOf<typeof Order>;

class Vault extends Plugin {
  static override readonly parameters = z.object({ address: z.string(), pin: z.string().meta({ secret: true }) });
  declare readonly parameters: ParametersOf<typeof Vault>;
}
@operator(undefined, { name: 'OrderSource' })
class Source extends Operator {
  static override readonly parameters = z.object({
    count: z.int().positive(),
    token: z.string().meta({ secret: true }).optional(),
    logins: z.array(z.object({ user: z.string(), password: z.string().meta({ secret: true }) })).default([]),
    since: z.date().optional(),
    big: z.bigint().default(1n),
    pattern: z.instanceof(RegExp).optional(),
    text: z.string().default('x'),
  });
  declare readonly parameters: ParametersOf<typeof Source>;
  @output(Order) declare readonly orders: OutputPort<Order>;
  @state(z.object({ sent: z.int().default(0) })) declare progress: { sent: number };
  @plugin(Vault, { parameters: { address: 'here', pin: '1234' } }) declare readonly vault: Vault;
  override onRunning(): boolean {
    return true;
  }
}
@operator()
class Sink extends Operator {
  @input(Order) declare readonly orders: InputPort<Order>;
  override onRunning(): void {}
}

const options = { location: 'memory:', backends: [memoryBackend] };

function shop(): Pipeline {
  const pipeline = new Pipeline('shop');
  const source = pipeline.add(Source, { count: 3, token: 'hunter2', logins: [{ user: 'me', password: 'hunter3' }], since: new Date(0), pattern: /a+/ }, { name: 'source' });
  const sink = pipeline.add(Sink, {}, { name: 'sink', replicas: 3, delivery: 'exactly-once', ports: { orders: { broadcast: true, onError: 'deadLetter' } } });
  sink.orders.connect(source.orders);
  source.orders.to('memory:world/orders');
  pipeline.add(Sink, {}, { name: 'billing' }).orders.from('memory:world/orders?group=billing');
  return pipeline;
}

describe('as text', () => {
  it('shows operators, channels and problems in tables', () => {
    expect(shop().plan(options).toText()).toMatchInlineSnapshot(`
      "pipeline shop at memory: (not durable, transactions, reach: thread)

      operator  class        replicas  placement  delivery       parameters
      source    OrderSource  1         inline     at-least-once  count=3 token=*** logins=[{"user":"me","password":"***"}] since=1970-01…
      sink      Sink         3         inline     exactly-once
      billing   Sink         1         inline     at-least-once

      channel                       partitions  written by                  read by                    delivery
      shop.sink.orders              1           source.orders               sink.orders ×3 broadcast   at-least-once
      orders at memory:world        external    others                      billing.orders as billing  at-least-once
      orders at memory:world        external    source.orders               others                     at-least-once
      shop.sink.orders.deadLetters  1           sink.orders.deadLetters ×3  -                          exactly-once

      warning: shop.sink.orders: nobody reads its dead letters in shop.sink.orders.deadLetters: once it is full the operator waits, and it ends with the process; connect an input to sink.orders.deadLetters, or send them to an external channel with deadLetters.to() [MILLRACE_DEAD_LETTERS_UNREAD]"
    `);
  });

  it('shortens what is long', () => {
    const pipeline = new Pipeline('p');
    pipeline.add(Source, { count: 1, text: 'long '.repeat(100) }, { name: 'source' });
    expect(Math.max(...pipeline.plan(options).toText().split('\n').map((line) => line.length))).toBeLessThan(160);
  });

  it('shows a plan with problems, and an empty one', () => {
    const pipeline = new Pipeline('p');
    pipeline.add(Sink, { cuont: 3 } as never);
    expect(pipeline.plan({ ...options, location: 'nowhere:' }).toText()).toMatchInlineSnapshot(`
      "pipeline p at nowhere: (unknown)

      operator     class  replicas  placement  delivery       parameters
      unnamedSink  Sink   1         inline     at-least-once

      channel               partitions  written by  read by             delivery
      p.unnamedSink.orders  1           -           unnamedSink.orders  at-least-once

      error: location: no backend is registered for the scheme nowhere; pass its backend; known: memory: [MILLRACE_BACKEND_UNKNOWN]
      error: p: an operator of class Sink has no name; keep it in a field of the pipeline or give { name } [MILLRACE_NAME_INVALID]
      error: p.unnamedSink.orders: the input reads from nothing; connect an output of the pipeline to it, or join it to an external channel with from() [MILLRACE_PORT_UNCONNECTED]
      error: p.unnamedSink.cuont: there is no parameter cuont; remove it [MILLRACE_PARAMETER_INVALID]"
    `);
    expect(new Pipeline('empty').plan(options).toText()).toMatchInlineSnapshot(`
      "pipeline empty at memory: (not durable, transactions, reach: thread)

      operator  class  replicas  placement  delivery  parameters

      channel  partitions  written by  read by  delivery

      no problems"
    `);
  });
});

describe('as JSON', () => {
  it('is plain and says everything but secrets', () => {
    const plan = shop().plan(options);
    const json = plan.toJSON() as { readonly operators: readonly unknown[]; readonly channels: readonly unknown[] };
    expect(JSON.parse(JSON.stringify(plan))).toStrictEqual(json);
    expect(JSON.stringify(plan)).not.toMatch(/hunter|1234/);
    expect(Object.keys(json)).toEqual(['pipeline', 'location', 'capabilities', 'operators', 'channels', 'problems']);
    expect(json.operators.slice(0, 2)).toMatchInlineSnapshot(`
      [
        {
          "class": "OrderSource",
          "commitInterval": 100,
          "delivery": "at-least-once",
          "idle": 1000,
          "inputs": [],
          "levels": [
            [
              "orders",
              "vault",
            ],
          ],
          "name": "source",
          "outputs": [
            {
              "channels": [
                "shop.sink.orders",
                "orders",
              ],
              "format": "avro",
              "name": "orders",
              "openTimeout": 0,
              "partitioner": "sticky",
              "record": "com.acme.Order",
              "validate": "structure",
            },
          ],
          "parameters": {
            "big": "1",
            "count": 3,
            "logins": [
              {
                "password": "***",
                "user": "me",
              },
            ],
            "pattern": "/a+/",
            "since": "1970-01-01T00:00:00.000Z",
            "text": "x",
            "token": "***",
          },
          "placement": "inline",
          "plugins": [
            {
              "class": "Vault",
              "name": "vault",
              "parameters": {
                "address": "here",
                "pin": "***",
              },
            },
          ],
          "replicas": 1,
          "restart": {
            "afterErrors": false,
            "backoff": 200,
            "longest": 30000,
            "times": 5,
            "within": 60000,
          },
          "states": [
            {
              "name": "progress",
              "per": "replica",
            },
          ],
          "stepTimeout": 30000,
        },
        {
          "class": "Sink",
          "commitInterval": 100,
          "delivery": "exactly-once",
          "idle": 1000,
          "inputs": [
            {
              "backoff": 100,
              "broadcast": true,
              "channel": "shop.sink.orders",
              "deadLetters": [
                "shop.sink.orders.deadLetters",
              ],
              "format": "avro",
              "name": "orders",
              "onError": "deadLetter",
              "onWriterDeath": "wait",
              "openTimeout": 0,
              "record": "com.acme.Order",
              "retries": 0,
              "sequential": false,
              "syncOpen": false,
            },
          ],
          "levels": [
            [
              "orders",
            ],
          ],
          "name": "sink",
          "outputs": [],
          "parameters": {},
          "placement": "inline",
          "plugins": [],
          "replicas": 3,
          "restart": {
            "afterErrors": false,
            "backoff": 200,
            "longest": 30000,
            "times": 5,
            "within": 60000,
          },
          "states": [],
          "stepTimeout": 30000,
        },
      ]
    `);
    expect(json.channels.slice(0, 2)).toMatchInlineSnapshot(`
      [
        {
          "groups": [
            "shop.sink.orders#0",
            "shop.sink.orders#1",
            "shop.sink.orders#2",
          ],
          "location": "memory:",
          "name": "shop.sink.orders",
          "partitions": 1,
          "reader": {
            "broadcast": true,
            "operator": "sink",
            "port": "orders",
            "replicas": 3,
          },
          "writers": [
            {
              "operator": "source",
              "port": "orders",
              "replicas": 1,
            },
          ],
        },
        {
          "external": {
            "group": "billing",
            "start": "earliest",
            "untilEnd": false,
          },
          "groups": [
            "billing",
          ],
          "location": "memory:world",
          "name": "orders",
          "reader": {
            "broadcast": false,
            "operator": "billing",
            "port": "orders",
            "replicas": 1,
          },
          "writers": [],
        },
      ]
    `);
  });

  it('hides secrets that were given wrongly too', () => {
    const pipeline = new Pipeline('p');
    pipeline.add(Source, { count: 'x', token: 'hunter2', tokn: 'hunter3' } as never, { name: 'source' });
    const plan = pipeline.plan(options);
    expect(JSON.stringify(plan) + plan.toText()).not.toMatch(/hunter/);
  });

  it('is there for values that JSON has not', () => {
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    @operator()
    class Odd extends Operator {
      static override readonly parameters = z.object({ circle: z.custom<object>(), call: z.custom<() => void>(), map: z.map(z.string(), z.int()), set: z.set(z.int()), none: z.number().or(z.nan()), where: z.url().transform((text) => new URL(text)), when: z.custom<Date>() });
      declare readonly parameters: ParametersOf<typeof Odd>;
      override onRunning(): void {}
    }
    const pipeline = new Pipeline('p');
    pipeline.add(Odd, { circle, call: () => undefined, map: new Map([['a', 1]]), set: new Set([1]), none: NaN, where: 'http://h/', when: new Date(NaN) }, { name: 'odd' });
    const [odd] = (pipeline.plan(options).toJSON() as { operators: { parameters: Record<string, unknown> }[] }).operators;
    expect(odd?.parameters).toMatchObject({ call: '[function]', map: [['a', 1]], set: [1], none: 'NaN', where: 'http://h/', when: 'Invalid Date' });
    expect(JSON.stringify(odd)).toContain('[…]');
  });
});

describe('as Mermaid', () => {
  /** The lines of a flow chart that this printer may use, as the grammar of Mermaid has them. */
  const node = /^ {2}[oc]\d+(\["[^"\n]*"\]|\(\["[^"\n]*"\]\))$/;
  const edge = /^ {2}[oc]\d+ -->\|"[^"\n]*"\| [oc]\d+$/;
  const isValid = (chart: string): boolean => {
    const [head, ...lines] = chart.split('\n');
    return head === 'flowchart LR' && lines.every((line) => node.test(line) || edge.test(line));
  };

  it('draws operators, channels and who reads and writes', () => {
    const chart = shop().plan(options).toMermaid();
    expect(chart).toMatchInlineSnapshot(`
      "flowchart LR
        o0["source<br/>OrderSource"]
        o1["sink ×3<br/>Sink"]
        o2["billing<br/>Sink"]
        c0(["shop.sink.orders<br/>1 partition"])
        c1(["orders<br/>external, memory:world"])
        c2(["orders<br/>external, memory:world"])
        c3(["shop.sink.orders.deadLetters<br/>1 partition"])
        o0 -->|"orders"| c0
        c0 -->|"orders (broadcast)"| o1
        c1 -->|"orders"| o2
        o0 -->|"orders"| c2
        o1 -->|"orders.deadLetters"| c3"
    `);
    expect(isValid(chart)).toBe(true);
  });

  it('is valid whatever names say', () => {
    const pipeline = new Pipeline('p"]');
    const source = pipeline.add(Source, { count: 1 }, { name: 'end "quoted" <b>&#35;' });
    pipeline.add(Sink, {}, { name: 'a\nb' }).orders.connect(source.orders);
    expect(isValid(pipeline.plan(options).toMermaid())).toBe(true);
  });
});
