import { silentLogger } from '@millrace/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ScriptedClient } from '../client/scripted/fixtures.js';
import { TopicGrowth } from './topic-growth.js';

describe('the partitions of topics of others', () => {
  let scripted: ScriptedClient;
  let growth: TopicGrowth;
  const warn = vi.fn();

  beforeEach(() => {
    vi.useFakeTimers();
    warn.mockClear();
    scripted = new ScriptedClient();
    growth = new TopicGrowth(scripted.client, 100, { ...silentLogger, warn });
  });
  afterEach(() => {
    growth.close();
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  it('are asked for in one question for all readers, for as long as there are any', async () => {
    const looks: string[] = [];
    const ends = ['a', 'a', 'b'].map((topic, i) => growth.watch(topic, () => looks.push(`${topic}${i}`)));
    await vi.advanceTimersByTimeAsync(100);
    expect([scripted.refreshed, looks]).toEqual([[['a', 'b']], ['a0', 'a1', 'b2']]);
    ends[0]!();
    ends[2]!();
    await vi.advanceTimersByTimeAsync(100);
    expect([scripted.refreshed[1], looks.slice(3)]).toEqual([['a'], ['a1']]);
    ends[1]!();
    await vi.advanceTimersByTimeAsync(500);
    expect(scripted.refreshed).toHaveLength(2);
  });

  it('are asked for again after a failure, which is told', async () => {
    const look = vi.fn();
    growth.watch('a', look);
    scripted.onRefresh = () => Promise.reject(new Error('out of reach'));
    await vi.advanceTimersByTimeAsync(100);
    expect(warn).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ topics: ['a'] }), expect.any(String));
    scripted.onRefresh = () => undefined;
    look.mockClear();
    await vi.advanceTimersByTimeAsync(100);
    expect(look).toHaveBeenCalledOnce();
  });
});
