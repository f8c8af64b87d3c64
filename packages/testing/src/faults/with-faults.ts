import type { ChannelBackend, Control, Owner, Session, Transport } from '@millrace/core';
import { FaultySession } from './faulty-session.js';
import { Injector, Line } from './injector.js';
import type { Fault, FaultMember, FaultPlan, InjectedFault } from './plan.js';

/** A backend with faults; see {@link withFaults}. */
export interface FaultyBackend extends ChannelBackend {
  /** Calls of a member so far, of all connections, those that went wrong included. */
  calls(member: FaultMember): number;
  /** What went wrong so far, in order. */
  readonly injected: readonly InjectedFault[];
  /** From here on nothing more goes wrong. Connections that are cut stay cut, calls that hang go on hanging. */
  heal(): void;
}

/**
 * Any backend, with calls that fail, are late, never answer, or lose their connection, at chosen places or by chance. What is
 * synchronous stays so, and nothing else about the backend changes. Faults are counted over all connections made through it.
 *
 * ```ts
 * const backend = withFaults(memoryBackend, [
 *   { member: 'session.commit', at: 3, action: 'fail', after: true }, // the third commit is done, but nobody gets to know
 *   { member: 'reader.readRecords', owner: /reader#1/, action: 'cut' },
 * ]);
 * ```
 * @throws RangeError for a plan that can never do what it says
 */
export function withFaults(backend: ChannelBackend, plan: FaultPlan | readonly Fault[]): FaultyBackend {
  const injector = new Injector(isFaults(plan) ? { faults: plan } : plan);
  return {
    schemes: backend.schemes,
    ...(backend.options === undefined ? {} : { options: backend.options }),
    ...(backend.portOptions === undefined ? {} : { portOptions: backend.portOptions }),
    parse: (location) => backend.parse(location),
    capabilities: (location, channel) => backend.capabilities(location, channel),
    check: (channels, location) => backend.check(channels, location),
    async connect(location, options) {
      const line = new Line();
      const transport = await injector.promised('backend.connect', {}, line, () => backend.connect(location, options));
      return faultyTransport(transport, injector, line);
    },
    calls: (member) => injector.calls(member),
    injected: injector.injected,
    heal: () => injector.heal(),
  };
}

function isFaults(plan: FaultPlan | readonly Fault[]): plan is readonly Fault[] {
  return Array.isArray(plan);
}

function faultyTransport(inner: Transport, injector: Injector, line: Line): Transport {
  return {
    capabilities: inner.capabilities,
    identity: inner.identity,
    limits: inner.limits,
    describeChannel: (name) => injector.promised('transport.describeChannel', { channel: name }, line, () => inner.describeChannel(name)),
    createResources: (channels) => injector.promised('transport.createResources', {}, line, () => inner.createResources(channels)),
    deleteResources: (resources) => injector.promised('transport.deleteResources', {}, line, () => inner.deleteResources(resources)),
    open: (owner) => injector.promised('transport.open', { owner: owner.id }, line, () => open(inner, owner, injector, line)),
    control: (pipeline) => faultyControl(inner.control(pipeline), injector, line),
    async close() {
      if (line.lost !== undefined) return inner.close();
      return injector.promised('transport.close', {}, line, () => inner.close());
    },
  };
}

async function open(transport: Transport, owner: Owner, injector: Injector, parent: Line): Promise<Session> {
  const inner = await transport.open(owner);
  const line = new Line();
  parent.onLost((error) => line.cut(error));
  line.onLost(() => owner.wake());
  return new FaultySession(inner, injector, line, owner);
}

function faultyControl(inner: Control, injector: Injector, line: Line): Control {
  return {
    put: (key, value) => injector.promised('control.put', {}, line, () => inner.put(key, value)),
    remove: (key) => injector.promised('control.remove', {}, line, () => inner.remove(key)),
    follow: (prefix, see) => injector.promised('control.follow', {}, line, () => inner.follow(prefix, see)),
  };
}
