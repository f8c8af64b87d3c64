import { Pipeline, type ChannelBackend, type Plan } from '@millrace/core';
import { describe, expect, it } from 'vitest';
import { connectOptions } from './connect-options.js';

/** Spells its locations in lower case. */
const backendOf = (scheme: string): ChannelBackend => ({ schemes: [scheme], parse: (location: string) => ({ location: location.toLowerCase() }) }) as unknown as ChannelBackend;
const backends = [backendOf('a'), backendOf('b')];
const plan = { ...new Pipeline('p').plan({ location: 'memory:', backends: [] }), location: 'a:home', channels: ['a:other', 'b:far'].map((location) => ({ location })) } as unknown as Plan;

describe('options of connections', () => {
  it('are those of connect, however its locations are spelt, else those of the defaults for the backend of the home location', () => {
    expect(connectOptions(plan, backends, { connect: { 'A:Other': { x: 1 } }, defaults: { ports: { backend: { x: 2 } } } })).toEqual({ options: { 'a:home': { x: 2 }, 'a:other': { x: 1 } }, problems: [] });
    expect(connectOptions(plan, backends, {})).toEqual({ options: {}, problems: [] });
  });

  it('for a location that the pipeline does not have are a problem', () => {
    expect(connectOptions(plan, backends, { connect: { 'a:hme': {} } }).problems).toMatchObject([{ code: 'MILLRACE_OPTION_INVALID', where: 'connect', what: 'no channel of the pipeline is at a:hme', remedy: 'name one of its locations: a:home' }]);
  });
});
