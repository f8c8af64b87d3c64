import { MillraceError } from '../error/index.js';
import { operatorMembersOf } from '../operator/index.js';
import { nearest } from '../plan/nearest.js';
import type { PipelineBinding, PipelineConnection, PipelineNode } from './pipeline.js';
import type { PortAddress } from './refs.js';

/** How a reference knows its port; shared between copies of the package. */
const ADDRESS = Symbol.for('@millrace/address');
type Addressed = { readonly [ADDRESS]: PortAddress & { readonly direction: 'input' | 'output' } };

/** A reference to a port that there is not: every use of it throws. */
const MISSING = Symbol.for('@millrace/missing');
type Missing = { readonly [MISSING]: () => MillraceError };

/** The pipeline that references write their connections into. */
export interface Target {
  readonly pipeline: string;
  /** The name of an operator as far as it is known while the pipeline is being built. */
  readonly nameOf: (node: PipelineNode) => string;
  readonly connections: PipelineConnection[];
  readonly bindings: PipelineBinding[];
}

/**
 * A reference for each port of an operator. Types keep a misspelt port from compiling; plain JavaScript gets one whose use
 * throws `MILLRACE_PORT_UNKNOWN` with the ports that there are, instead of a TypeError over `undefined`.
 */
export function makeRefs(node: PipelineNode, target: Target): object {
  const refs: Record<string, object> = {};
  for (const [port, { direction }] of operatorMembersOf(node.type).ports) refs[port] = makeRef({ node, port, deadLetters: false }, direction, target);
  return new Proxy(Object.freeze(refs), {
    // What awaits a reference asks for `then`, and must not take it for a promise.
    get: (known, key, receiver): unknown => (typeof key === 'symbol' || key in known || key === 'then' ? Reflect.get(known, key, receiver) : missingRef(node, key, target)),
  });
}

function makeRef(at: PortAddress, direction: 'input' | 'output', target: Target): Addressed {
  const bind = (direction: 'from' | 'to') => (location: string) => void target.bindings.push({ at, direction, location });
  const address = { ...at, direction };
  if (direction === 'output') {
    return Object.freeze({ [ADDRESS]: address, to: bind('to'), connect: () => refuse(at, 'it is an output; connect is called on the input that reads it: input.connect(output)', target) });
  }
  const connect = (...outputs: readonly unknown[]): void => {
    for (const output of outputs) target.connections.push({ from: sourceOf(output, at, target), to: at });
  };
  return Object.freeze({ [ADDRESS]: address, connect, from: bind('from'), deadLetters: makeRef({ ...at, deadLetters: true }, 'output', target) });
}

/** What `connect` was given, if it is an output port: types see to that, except in plain JavaScript. */
function sourceOf(output: unknown, to: PortAddress, target: Target): PortAddress {
  if (typeof output !== 'object' || output === null) return refuse(to, `it is connected to ${String(output)}, which is no output port`, target);
  if (MISSING in output) throw (output as Missing)[MISSING]();
  if (!(ADDRESS in output)) return refuse(to, 'it is connected to an object that is no output port; pass a port of what add returned, such as writer.greetings', target);
  const { node, port, deadLetters, direction } = (output as Addressed)[ADDRESS];
  if (direction === 'input') return refuse(to, `it is connected to ${target.nameOf(node)}.${port}, which is an input too`, target);
  return { node, port, deadLetters };
}

function refuse({ node, port }: PortAddress, what: string, { pipeline, nameOf }: Target): never {
  const operator = `${pipeline}.${nameOf(node)}`;
  throw new MillraceError('MILLRACE_CONNECTION_INVALID', `${operator}.${port}: ${what}`, { operator, port });
}

function missingRef(node: PipelineNode, port: string, { pipeline, nameOf }: Target): Missing {
  const error = (): MillraceError => {
    const operator = `${pipeline}.${nameOf(node)}`;
    const ports = [...operatorMembersOf(node.type).ports.values()];
    const near = nearest(port, ports.map(({ name }) => name));
    const all = ports.length === 0 ? 'it has none' : `its ports are ${ports.map(({ name, direction }) => `${name} (${direction})`).join(', ')}`;
    return new MillraceError('MILLRACE_PORT_UNKNOWN', `${operator} (class ${node.type.name}) has no port ${port}${near === undefined ? '' : `; did you mean ${near}?`} (${all})`, { operator, port });
  };
  const fail = (): never => {
    throw error();
  };
  return Object.freeze({
    [MISSING]: error,
    connect: fail,
    from: fail,
    to: fail,
    get deadLetters(): never {
      return fail();
    },
  });
}
