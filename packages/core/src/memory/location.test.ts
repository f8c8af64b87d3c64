import { describe, expect, it } from 'vitest';
import { memoryBackend } from './index.js';
import { parseMemoryLocation } from './location.js';

describe('locations of the memory backend', () => {
  it.each([
    ['memory:', { space: '', channel: undefined, wire: false, bound: { records: 4096, bytes: Infinity }, canonical: 'memory:' }],
    ['memory:orders', { space: 'orders', channel: undefined, wire: false, bound: { records: 4096, bytes: Infinity }, canonical: 'memory:orders' }],
    ['memory:/bills', { space: '', channel: 'bills', wire: false, bound: { records: 4096, bytes: Infinity }, canonical: 'memory:' }],
    ['memory:a.b-c_1/p.op#0/x', { space: 'a.b-c_1', channel: 'p.op#0/x', wire: false, bound: { records: 4096, bytes: Infinity }, canonical: 'memory:a.b-c_1' }],
    ['memory:?records=10', { space: '', channel: undefined, wire: false, bound: { records: 10, bytes: Infinity }, canonical: 'memory:?records=10' }],
    ['memory:?wire', { space: '', channel: undefined, wire: true, bound: { records: Infinity, bytes: 8_388_608 }, canonical: 'memory:?wire' }],
    ['memory:x/y?wire=true&records=5&bytes=100', { space: 'x', channel: 'y', wire: true, bound: { records: 5, bytes: 100 }, canonical: 'memory:x?bytes=100&records=5&wire' }],
    ['memory:x?wire=false', { space: 'x', channel: undefined, wire: false, bound: { records: 4096, bytes: Infinity }, canonical: 'memory:x' }],
  ])('%s', (location, expected) => {
    expect(parseMemoryLocation(location)).toEqual(expected);
    expect(parseMemoryLocation(expected.canonical)).toEqual({ ...expected, channel: undefined });
    expect(memoryBackend.parse(location)).toEqual({ location: expected.canonical, channel: expected.channel });
    expect(memoryBackend.capabilities(location).objects).toBe(!expected.wire);
  });

  it.each([
    ['local:x', 'does not begin with memory:'],
    ['memory://host/x', 'the channel after "/" has no name'],
    ['memory:x/', 'the channel after "/" has no name'],
    ['memory:a b', 'the space "a b"'],
    ['memory:?durable=1', '"durable" is unknown; known are wire, records and bytes'],
    ['memory:?records=0', 'records is a positive integer, not "0"'],
    ['memory:?records=1.5', 'records is a positive integer'],
    ['memory:?records=1e3', 'records is a positive integer'],
    ['memory:?records=', 'records is a positive integer'],
    ['memory:?wire=yes', 'wire is a flag'],
    ['memory:?bytes=10', 'bytes=N needs wire'],
    ['memory:?records=1&records=2', 'records stands twice'],
  ])('refuses %s', (location, why) => {
    expect(() => memoryBackend.parse(location)).toThrow(expect.objectContaining({ code: 'MILLRACE_LOCATION_INVALID' }));
    expect(() => memoryBackend.parse(location)).toThrow(why);
  });

  it('checks channels to be without a connection, all problems at once', () => {
    expect(memoryBackend.check([{ name: 'p.op.in', partitions: 4, groups: ['p.op.in#0'] }], 'memory:')).toEqual([]);
    const problems = memoryBackend.check([{ name: '', partitions: 1 }, { name: 'a b', partitions: 0 }, { name: 'c', partitions: 1, backend: { x: 1 } }], 'memory:');
    expect(problems.map(({ code, where }) => [code, where])).toEqual([
      ['MILLRACE_NAME_INVALID', ''],
      ['MILLRACE_NAME_INVALID', 'a b'],
      ['MILLRACE_OPTION_INVALID', 'a b'],
      ['MILLRACE_OPTION_INVALID', 'c'],
    ]);
  });
});
