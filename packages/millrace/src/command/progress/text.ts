import { columns, type Colors } from '../terminal.js';
import type { ProgressRow } from './rows.js';

const exact = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

/** All operators on one line, for a log. */
export function lineOf(rows: readonly ProgressRow[], elapsedMs: number): string {
  const parts = rows.map(({ operator, records, perSecond, lag, restarts, stage }) => {
    const more = [`${exact.format(perSecond)}/s`, ...(lag === undefined ? [] : [`lag ${exact.format(lag)}`]), ...(restarts === 0 ? [] : [`restarts ${restarts}`]), ...(stage === 'running' ? [] : [stage])];
    return `${operator} ${exact.format(records)} (${more.join(', ')})`;
  });
  return [`${(elapsedMs / 1_000).toFixed(1)} s`, ...parts].join('  ');
}

/** A table of no more lines than a terminal has, and none wider. */
export function tableOf(rows: readonly ProgressRow[], elapsedMs: number, size: { readonly columns: number; readonly rows: number }, colors: Colors): string {
  const shown = rows.slice(0, Math.max(1, size.rows - 3));
  const cells = shown.map(({ operator, stage, records, perSecond, lag, restarts }) => [operator, stage, short.format(records), `${short.format(perSecond)}/s`, lag === undefined ? '-' : short.format(lag), String(restarts)]);
  const [head = '', ...lines] = columns([['operator', 'stage', 'records', 'rate', 'lag', 'restarts'], ...cells], [2, 3, 4, 5]).map((line) => line.slice(0, size.columns));
  const more = rows.length > shown.length ? `, and ${rows.length - shown.length} more operators` : '';
  return [colors.dim(head), ...lines.map((line, index) => (rows[index]?.stage === 'failed' ? colors.red(line) : (rows[index]?.lag ?? 0) > 0 ? line : colors.dim(line))), colors.dim(`${(elapsedMs / 1_000).toFixed(1)} s${more}`)].join('\n');
}
