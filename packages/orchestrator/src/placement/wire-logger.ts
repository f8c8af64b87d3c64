import type { Logger } from '@millrace/core';
import type { FromChild } from './protocol.js';
import { fromWire, toWire, type WireError } from './wire-error.js';

type LogMessage = Extract<FromChild, { readonly type: 'log' }>;

/** An error among the fields of a log line. */
interface WireField {
  readonly wireError: WireError;
}

/** A logger in a child: its lines are written by the logger of the parent. */
export function wireLogger(post: (message: LogMessage) => void, own: Readonly<Record<string, unknown>> = {}): Logger {
  const line = (level: LogMessage['level']) => (fields: object, message: string): void => post({ type: 'log', level, fields: { ...own, ...portable(fields) }, message });
  return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error'), child: (fields) => wireLogger(post, { ...own, ...portable(fields) }) };
}

/** Writes what a child logged. */
export function writeLogged(logger: Logger, { level, fields, message }: LogMessage): void {
  logger[level](Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, isWireField(value) ? fromWire(value.wireError) : value])), message);
}

/** Fields that can travel: errors are taken apart, what cannot be cloned is shown as text. */
function portable(fields: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, portableValue(value)]));
}

function portableValue(value: unknown): unknown {
  if (value instanceof Error) return { wireError: toWire(value) } satisfies WireField;
  if (typeof value === 'function' || typeof value === 'symbol') return String(value);
  if (typeof value !== 'object' || value === null) return value;
  try {
    return structuredClone(value);
  } catch {
    return String(value);
  }
}

function isWireField(value: unknown): value is WireField {
  return typeof value === 'object' && value !== null && 'wireError' in value;
}
