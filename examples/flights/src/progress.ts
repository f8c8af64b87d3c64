import { setTimeout } from 'node:timers/promises';
import { createLogUpdate } from 'log-update';
import type { Run, RunMetrics } from 'millrace';
import pc from 'picocolors';

/** One operator, all replicas together. */
export interface StageProgress {
  readonly name: string;
  /** Records read; of a source: sent. */
  readonly records: number;
  readonly perSecond: number;
  /** Records that wait for it; a source has none. */
  readonly lag: number | undefined;
}

export function stagesOf({ replicas }: RunMetrics): readonly StageProgress[] {
  const stages = new Map<string, StageProgress>();
  for (const { operator, ports } of replicas) {
    const inputs = ports.filter(({ lag }) => lag !== undefined);
    for (const { records, recordsPerSecond, lag } of inputs.length > 0 ? inputs : ports) {
      const { records: before, perSecond, lag: waiting } = stages.get(operator) ?? { records: 0, perSecond: 0, lag: undefined };
      stages.set(operator, { name: operator, records: before + records, perSecond: perSecond + recordsPerSecond, lag: lag === undefined ? waiting : lag + (waiting ?? 0) });
    }
  }
  return [...stages.values()];
}

/** Where a run's progress is shown while it goes on. */
export interface Display {
  /** How often, in ms. */
  readonly every: number;
  show(metrics: RunMetrics): void;
  /** A line that stays. */
  note(line: string): void;
  /** Nothing more comes. */
  end(): void;
}

/** `process.stdout`, or what looks like it. */
export type Terminal = NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };

/** One line that changes on a terminal, a line each second elsewhere. */
export function displayOn(stream: Terminal): Display {
  if (stream.isTTY !== true) {
    const print = (line: string): void => void stream.write(`${line}\n`);
    return { every: 1_000, show: (metrics) => print(plainLine(metrics)), note: print, end() {} };
  }
  const update = createLogUpdate(stream);
  return {
    every: 200,
    show: (metrics) => update(liveLine(metrics, stream.columns ?? 80)),
    note: (line) => update.persist(line),
    end() {
      update.clear();
      // Gives the cursor back.
      update.done();
    },
  };
}

/** Shows a run until it ends, however it ends. */
export async function follow(run: Run, display: Display): Promise<void> {
  const ended = run.completed.then(() => true, () => true);
  while (!(await Promise.race([ended, setTimeout(display.every, false, { ref: false })]))) display.show(await run.metrics());
  display.end();
}

const exact = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

export function plainLine(metrics: RunMetrics): string {
  const stages = stagesOf(metrics).map(({ name, records, perSecond, lag }) => `${name} ${exact.format(records)} (${exact.format(perSecond)}/s${lag === undefined ? '' : `, lag ${exact.format(lag)}`})`);
  return [seconds(metrics), ...stages].join('  ');
}

/** As much of it as fits into one line: a narrow terminal does without the rates. */
export function liveLine(metrics: RunMetrics, columns: number): string {
  const stages = stagesOf(metrics);
  const line = (withRates: boolean, style: Pick<typeof pc, 'bold' | 'dim' | 'yellow'>): string => {
    const parts = stages.map(({ name, records, perSecond, lag }) => {
      const rate = withRates ? ` ${style.dim(`${short.format(perSecond)}/s`)}` : '';
      const waits = lag === undefined ? '' : ` ${(lag > 0 ? style.yellow : style.dim)(`lag ${short.format(lag)}`)}`;
      return `${style.bold(name)} ${short.format(records)}${rate}${waits}`;
    });
    return [style.dim(seconds(metrics)), ...parts].join('  ');
  };
  return line(line(true, plain).length <= columns, pc);
}

const plain = pc.createColors(false);

function seconds({ elapsedMs }: RunMetrics): string {
  return `${(elapsedMs / 1_000).toFixed(1)} s`;
}
