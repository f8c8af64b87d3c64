import { MillraceError } from '@millrace/core';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { pinoLogger } from './pino-logger.js';

function logged(): { readonly lines: Record<string, unknown>[]; readonly logger: ReturnType<typeof pinoLogger> } {
  const lines: Record<string, unknown>[] = [];
  const logger = pinoLogger(pino({ level: 'debug', base: null, timestamp: false }, { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) }));
  return { lines, logger };
}

it('takes the name of a replica apart', () => {
  const { lines, logger } = logged();
  logger.child({ replica: 'shop.reader#2' }).child({ plugin: 'health' }).info({ port: 'orders' }, 'hello');
  logger.debug({ replica: 'whoever' }, 'odd');
  expect(lines).toEqual([{ level: 30, pipeline: 'shop', operator: 'reader', replica: 2, plugin: 'health', port: 'orders', msg: 'hello' }, { level: 20, replica: 'whoever', msg: 'odd' }]);
});

it('shows errors as pino does, with their place', () => {
  const { lines, logger } = logged();
  logger.error({ error: new MillraceError('MILLRACE_UNDECODABLE', 'no', { operator: 'shop.reader#0', port: 'orders', channel: 'shop.reader.orders', partition: 1, offset: 7 }) }, 'failed');
  expect(lines).toMatchObject([{ level: 50, pipeline: 'shop', operator: 'reader', replica: 0, port: 'orders', channel: 'shop.reader.orders', msg: 'failed', err: { type: 'MillraceError', code: 'MILLRACE_UNDECODABLE', partition: 1, offset: 7, stack: expect.any(String) as string } }]);
});
