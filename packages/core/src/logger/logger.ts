/** What Millrace and operators log through. A pino logger fits as it is. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** A logger that adds these fields to every line. */
  child(fields: object): Logger;
}

/**
 * Warnings and errors as lines on stderr; anything below is dropped. The default, so that an error is never invisible.
 * @param write where a line goes. Default: stderr
 */
export function stderrLogger(write: (line: string) => void = (line) => process.stderr.write(line), fields: object = {}): Logger {
  const line = (level: string, own: object, message: string): void => {
    const all = { ...fields, ...own } as Record<string, unknown>;
    const error = all['error'];
    delete all['error'];
    const rest = Object.entries(all).map(([key, value]) => ` ${key}=${String(value)}`).join('');
    write(`${level} ${message}${rest}${error instanceof Error ? `\n${error.stack ?? error.message}` : ''}\n`);
  };
  return {
    debug() {},
    info() {},
    warn: (own, message) => line('WARN', own, message),
    error: (own, message) => line('ERROR', own, message),
    child: (more) => stderrLogger(write, { ...fields, ...more }),
  };
}

/** Drops everything. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silentLogger };
