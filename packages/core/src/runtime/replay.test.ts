import { beforeEach, describe, expect, it } from 'vitest';
import { Replay } from './replay.js';

let replay: Replay;
beforeEach(() => {
  replay = new Replay();
});
const record = (offset: number, partition = 0, port = 'in') => ({ port, partition, offset });

describe('a replay', () => {
  it('goes on until every port and partition is past its failing place', () => {
    replay.begin('a', new Map([[0, 5], [1, 3]]));
    replay.begin('b', new Map([[0, 2]]));
    replay.reached('a', 0, 4);
    replay.reached('a', 1, 3);
    expect([replay.active, replay.isPast('a')]).toEqual([true, false]);
    replay.reached('a', 0, 5);
    expect([replay.active, replay.isPast('a'), replay.isPast('b')]).toEqual([true, true, false]);
    replay.reached('b', 0, 9);
    expect([replay.active, replay.isPast('a')]).toEqual([false, false]);
  });

  it('that fails again goes on to the further of both places', () => {
    replay.begin('in', new Map([[0, 5]]));
    replay.begin('in', new Map([[0, 3]]));
    replay.reached('in', 0, 3);
    expect(replay.active).toBe(true);
  });

  it('does not begin where nothing is read', () => {
    replay.begin('in', new Map());
    expect(replay.active).toBe(false);
  });

  it('counts the tries of each record on its own', () => {
    expect([replay.tried(record(1)), replay.tried(record(1)), replay.tried(record(2)), replay.tried(record(1, 1)), replay.tried(record(1, 0, 'other'))]).toEqual([1, 2, 1, 1, 1]);
  });

  it('knows what was given up until a commit is past it', () => {
    const poison = { policy: 'skip', cause: new Error('no'), attempts: 3 } as const;
    replay.begin('in', new Map([[0, 8]]));
    replay.giveUp(record(7), poison);
    replay.forget();
    expect(replay.poisonAt('in', 0, 7)).toBe(poison);
    expect(replay.poisonAt('in', 0, 6)).toBeUndefined();
    replay.reached('in', 0, 8);
    replay.forget();
    expect(replay.poisonAt('in', 0, 7)).toBeUndefined();
    expect(replay.tried(record(7))).toBe(1);
  });
});
