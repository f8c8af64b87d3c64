import { FAIL_POINTS, type FailPoint } from '@millrace/core';
import { randomOf } from '../random.js';

/** When a blow falls: some time after it was decided on, or when the process comes to a fail point for the n-th time from then on. */
export type Moment = { readonly after: number } | { readonly point: FailPoint; readonly hits: number };

/**
 * What is done to processes.
 *
 * - `kill`: SIGKILL; another process takes the place.
 * - `freeze`: SIGSTOP, and SIGCONT after `pause` ms; nobody knows of it.
 * - `replace`: SIGSTOP; another process takes the place, and then the old one goes on: a zombie, which has to find out.
 * - `disturb`: something else than a process, by its number.
 */
export interface Blow {
  readonly kind: 'kill' | 'freeze' | 'replace' | 'disturb';
  /** Numbers of processes; one but for a group of zombies. For `disturb` the number of the disturbance. */
  readonly victims: readonly number[];
  readonly moment: Moment;
  /** Ms for which a frozen process stands. */
  readonly pause: number;
}

export interface ScheduleOptions {
  readonly seed: number;
  /** How many blows are kills. The others come in addition, about one for every two of them. */
  readonly kills: number;
  /** How many processes there are. */
  readonly workers: number;
  /** Fail points that the backend has. Default: all. */
  readonly points?: readonly FailPoint[] | undefined;
  /** How many disturbances there are; one comes for about every six kills. Default 0. */
  readonly disturbances?: number | undefined;
}

/** Ms of work between a process's start and a blow by the clock, at most. */
const LONGEST_WORK = 400;
const LONGEST_PAUSE = 1_500;

/** The blows of a seed, in their order: the same for the same options. */
export function killSchedule({ seed, kills, workers, points = FAIL_POINTS, disturbances = 0 }: ScheduleOptions): readonly Blow[] {
  const random = randomOf(seed);
  const upTo = (n: number): number => Math.floor(random() * n);
  const moment = (): Moment => {
    if (points.length === 0 || random() < 0.4) return { after: upTo(LONGEST_WORK) };
    return { point: points[upTo(points.length)] ?? 'before-send', hits: 1 + upTo(8) };
  };
  const blow = (kind: Blow['kind']): Blow => {
    const everybody = kind === 'replace' && random() < 0.15;
    return { kind, victims: everybody ? Array.from({ length: workers }, (_, worker) => worker) : [upTo(workers)], moment: moment(), pause: upTo(LONGEST_PAUSE) };
  };
  const blows: Blow[] = [];
  for (let killed = 0; killed < kills; killed++) {
    if (random() < 0.25) blows.push(blow('freeze'));
    if (random() < 0.2) blows.push(blow('replace'));
    if (disturbances > 0 && random() < 1 / 6) blows.push({ ...blow('disturb'), victims: [upTo(disturbances)], moment: { after: upTo(LONGEST_WORK) } });
    blows.push(blow('kill'));
  }
  return blows;
}
