import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { judgeFileSystem } from './folder.js';
import { localBackend } from './index.js';

describe('a location', () => {
  it.each([
    ['local:./data', `local:${resolve('data')}`, undefined],
    ['local:data/', `local:${resolve('data')}`, undefined],
    ['local:.', `local:${resolve('.')}`, undefined],
    ['local:/var/lib/../lib/data', 'local:/var/lib/data', undefined],
    ['local:/data?channel=orders', 'local:/data', 'orders'],
    ['local:/data?channel=shop.write%2Forders%3F&sync=full', 'local:/data', 'shop.write/orders?'],
    ['local:/data?sync=none&channel=orders', 'local:/data?sync=none', 'orders'],
    ['local:/with blank/and#hash', 'local:/with blank/and#hash', undefined],
  ])('%s is %s', (location, canonical, channel) => {
    expect(localBackend.parse(location)).toEqual({ location: canonical, channel });
    expect(localBackend.parse(canonical)).toEqual({ location: canonical, channel: undefined });
  });

  it.each([
    ['memory:', 'does not begin with local:'],
    ['local:', 'names no folder'],
    ['local: ', 'names no folder'],
    ['local://host/data', 'comes the path of a folder'],
    ['local:/data?chanel=x', 'the query key "chanel" is unknown; known are channel and sync'],
    ['local:/data?channel=', 'names no channel'],
    ['local:/data?sync=off', 'sync is full or none, not "off"'],
    ['local:/data?sync=none&sync=full', 'stands twice'],
  ])('%s is refused', (location, why) => {
    expect(() => localBackend.parse(location)).toThrow(expect.objectContaining({ code: 'MILLRACE_LOCATION_INVALID', message: expect.stringContaining(why) as string }));
  });
});

describe('channels to be', () => {
  it('have names that fit into a key, and partitions', () => {
    const problems = localBackend.check([
      { name: 'fine', partitions: 1, groups: ['fine#0'] },
      { name: 'x'.repeat(1025), partitions: 1 },
      { name: 'group', partitions: 1, groups: [''] },
      { name: 'none', partitions: 0 },
    ], 'local:.');
    expect(problems.map(({ where, code }) => [where.slice(0, 5), code])).toEqual([['xxxxx', 'MILLRACE_NAME_INVALID'], ['group', 'MILLRACE_NAME_INVALID'], ['none', 'MILLRACE_OPTION_INVALID']]);
  });
});

describe('a file system', () => {
  // Magic numbers as statfs(2) has them.
  it.each([[0xef53, 'fine'], [0x01021994, 'fine'], [0x9123683e, 'fine'], [0x6969, 'network'], [0xff534d42, 'network'], [0x01021997, 'network'], [0x65735546, 'doubtful']])('of type %i is %s', (type, verdict) => {
    expect(judgeFileSystem(type).verdict).toBe(verdict);
  });
});
