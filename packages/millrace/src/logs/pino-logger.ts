import { MillraceError, type Logger } from '@millrace/core';

/** What is used of a pino logger; any version of pino fits. */
export interface PinoLike {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(bindings: object): PinoLike;
}

/**
 * Logs through pino, in fields that logs of many processes are searched by: `pipeline`, `operator`, `replica` (its index), `port`,
 * `channel`, and `err` as pino's serializer shows it.
 *
 * ```js
 * await orchestrate(pipeline, { location, logger: pinoLogger(pino({ level: 'debug' })) });
 * ```
 */
export function pinoLogger(pino: PinoLike): Logger {
  return {
    debug: (fields, message) => pino.debug(bindingsOf(fields), message),
    info: (fields, message) => pino.info(bindingsOf(fields), message),
    warn: (fields, message) => pino.warn(bindingsOf(fields), message),
    error: (fields, message) => pino.error(bindingsOf(fields), message),
    child: (fields) => pinoLogger(pino.child(bindingsOf(fields))),
  };
}

/** `pipeline.operator#0` taken apart, and the place of an error beside it. */
function bindingsOf(fields: object): object {
  const { replica, error, ...rest } = fields as { readonly replica?: unknown; readonly error?: unknown };
  const { port, channel, operator } = MillraceError.is(error) ? error : ({} as Partial<MillraceError>);
  return {
    ...placeOf(replica ?? operator),
    ...(port === undefined ? {} : { port }),
    ...(channel === undefined ? {} : { channel }),
    ...rest,
    ...(error === undefined ? {} : { err: error }),
  };
}

function placeOf(name: unknown): object {
  if (typeof name !== 'string') return name === undefined ? {} : { replica: name };
  const [, pipeline, operator, index] = /^([^.#]+)\.([^.#]+)(?:#(\d+))?$/.exec(name) ?? [];
  if (pipeline === undefined) return { replica: name };
  return { pipeline, operator, ...(index === undefined ? {} : { replica: Number(index) }) };
}
