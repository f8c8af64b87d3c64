import pc from 'picocolors';

/** A stream of the process, or what looks like one. */
export type Stream = NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number };

/** Where a command writes: results to `out`, everything else to `err`. */
export interface Streams {
  readonly out: Stream;
  readonly err: Stream;
}

export type Colors = ReturnType<typeof pc.createColors>;

/**
 * Colours for a stream: `NO_COLOR` turns them off and `FORCE_COLOR` on, else a terminal has them.
 *
 * @see https://no-color.org, https://force-color.org
 */
export function colorsOf(stream: Stream, env: NodeJS.ProcessEnv = process.env): Colors {
  const { NO_COLOR, FORCE_COLOR, TERM } = env;
  if (NO_COLOR !== undefined && NO_COLOR !== '') return pc.createColors(false);
  if (FORCE_COLOR !== undefined && FORCE_COLOR !== '') return pc.createColors(FORCE_COLOR !== '0' && FORCE_COLOR !== 'false');
  return pc.createColors(stream.isTTY === true && TERM !== 'dumb');
}

/** Columns as wide as their widest cell; those of `right` end flush. */
export function columns(rows: readonly (readonly string[])[], right: readonly number[] = []): readonly string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows.map((row) => row.map((cell, column) => (right.includes(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!))).join('  ').trimEnd());
}
