import { arch, cpus, platform } from 'node:os';
import { isMet, type Figure, type Target } from './figure.js';

const WIDTHS = [33, 26, 26, 8, 16, 16] as const;

/** The machine and the runtime that figures belong to. */
export function hardware(): string {
  const cores = cpus();
  return `${cores[0]?.model.trim() ?? 'unknown CPU'}, ${cores.length} cores, ${platform()} ${arch()}, Node.js ${process.versions.node}`;
}

/** The head of the table. */
export function tableHead(): string {
  return row(['bench', 'Millrace', 'peer', 'ratio', 'target', 'CPU s per 1M']);
}

/** A figure as a line of the table. */
export function tableRow(figure: Figure): string {
  const { bench, value, unit, peer, missing, target, cpu } = figure;
  return row([
    bench,
    `${readable(value)} ${unit}`,
    missing !== undefined ? `no ${missing.name}` : peer === undefined ? '' : `${readable(peer.value)} ${peer.name}`,
    peer === undefined ? '' : peer.ratio.toFixed(2),
    target === undefined ? '' : `${bound(target)} ${missing !== undefined ? 'MISSING' : isMet(figure) ? 'met' : 'MISSED'}`,
    [cpu, peer?.cpu].filter((each) => each !== undefined).map((each) => each.toFixed(2)).join(' : '),
  ]);
}

function row(cells: readonly string[]): string {
  return cells.map((cell, i) => cell.padEnd(WIDTHS[i] ?? 0)).join(' ').trimEnd();
}

function bound({ at, value }: Target): string {
  return `${at === 'least' ? '≥' : '≤'} ${value}`;
}

function readable(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)}M`;
  if (value >= 1e4) return `${(value / 1e3).toFixed(0)}k`;
  return value >= 100 ? value.toFixed(0) : Number(value.toPrecision(3)).toString();
}
