import pc from 'picocolors';
import type { Ranked } from './scoreboard.js';

const exact = new Intl.NumberFormat('en');

/** The ranking as a table for a terminal. */
export function table(ranking: readonly Ranked[]): string {
  const rows = ranking.map(({ airport: { iata, name, city, state }, flights, meanDelay }, i) => [
    String(i + 1),
    iata,
    [name, [city, state].filter(Boolean).join(' ')].filter(Boolean).join(', '),
    exact.format(flights),
    `${meanDelay.toFixed(2)} min`,
  ]);
  const head = ['', '', 'airport', 'flights', 'mean delay'];
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]!.length)));
  const isRight = (column: number): boolean => column === 0 || column > 2;
  const line = (cells: readonly string[]): string => cells.map((cell, column) => (isRight(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!))).join('  ').trimEnd();
  return [pc.dim(line(head)), ...rows.map(line)].join('\n');
}
