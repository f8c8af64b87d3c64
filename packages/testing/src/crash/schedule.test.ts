import { FAIL_POINTS } from '@millrace/core';
import { describe, expect, it } from 'vitest';
import { killSchedule } from './schedule.js';

describe('a schedule of kills', () => {
  it('is the same for the same seed, and another one for another', () => {
    const options = { kills: 50, workers: 6 };
    expect(killSchedule({ ...options, seed: 1 })).toEqual(killSchedule({ ...options, seed: 1 }));
    expect(killSchedule({ ...options, seed: 1 })).not.toEqual(killSchedule({ ...options, seed: 2 }));
  });

  it('has as many kills as were asked for, of every process and at every fail point, and other blows beside them', () => {
    const schedule = killSchedule({ seed: 3, kills: 300, workers: 4, disturbances: 2 });
    const kills = schedule.filter(({ kind }) => kind === 'kill');
    expect(kills).toHaveLength(300);
    expect(new Set(kills.flatMap(({ victims }) => victims))).toEqual(new Set([0, 1, 2, 3]));
    expect(new Set(kills.flatMap(({ moment }) => ('point' in moment ? [moment.point] : [])))).toEqual(new Set(FAIL_POINTS));
    expect(new Set(schedule.map(({ kind }) => kind))).toEqual(new Set(['kill', 'freeze', 'replace', 'disturb']));
    expect(schedule.some(({ kind, victims }) => kind === 'replace' && victims.length === 4)).toBe(true);
  });

  it('names only fail points that there are', () => {
    const points = killSchedule({ seed: 1, kills: 100, workers: 1, points: ['after-ack'] }).flatMap(({ moment }) => ('point' in moment ? [moment.point] : []));
    expect(new Set(points)).toEqual(new Set(['after-ack']));
    expect(killSchedule({ seed: 1, kills: 100, workers: 1, points: [] }).every(({ moment }) => 'after' in moment)).toBe(true);
  });
});
