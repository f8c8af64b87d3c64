import { sharedKafka } from '#kafka';
import { runKafkaTool, type KafkaTool } from '@millrace/testing/kafka';
import { orchestrate, silentLogger, type PipelineDefaults } from 'millrace';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Export, type Order } from './export.js';

const { bootstrap, describe } = await sharedKafka();
/** Each tool is a program of Java: the compiler that is quick to start does. */
const JVM = ['-Xmx128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
const tool = (name: KafkaTool, args: readonly string[], input?: string) => runKafkaTool(name, ['--bootstrap-server', bootstrap, ...args], { jvm: JVM, input });

describe('a topic', () => {
  it('is in the files once, although the process that writes them is killed', async () => {
    const topic = `orders-${randomUUID()}`;
    const folder = mkdtempSync(join(tmpdir(), 'millrace-export-'));
    const orders = Array.from({ length: 995 }, (_, i): Order => ({ id: `o${i}`, customer: `c${i % 5}`, cents: i }));
    const lines = orders.map((order) => JSON.stringify(order));
    const filesOf = (partition: number): string[] => readdirSync(folder).filter((name) => name.startsWith(`${partition}-`) && name.endsWith('.jsonl')).sort();
    const linesOf = (name: string): string[] => readFileSync(join(folder, name), 'utf8').trimEnd().split('\n');
    const start = (query: string, placement: PipelineDefaults['placement'] = 'inline') => {
      const pipeline = new Export(`export-${topic}`, { orders: `kafka://${bootstrap}/${topic}?group=${topic}&format=json${query}`, folder, records: 10, replicas: 2 });
      return orchestrate(pipeline, { location: `kafka://${bootstrap}`, defaults: { placement }, logger: silentLogger, handleSignals: false });
    };
    try {
      await tool('kafka-topics', ['--create', '--topic', topic, '--partitions', '2']);
      const keyed = [...orders.map((order, i) => `${order.customer}|${lines[i]}`), 'c0|no order at all'];
      await tool('kafka-console-producer', ['--topic', topic, '--property', 'parse.key=true', '--property', 'key.separator=|'], `${keyed.join('\n')}\n`);

      const run = await start('', { kind: 'process', count: 1 });
      const restarted = new Promise((resolve) => run.once('restart', resolve));
      while (readdirSync(folder).length === 0) await setTimeout(5);
      process.kill(run.children[0]!.pid, 'SIGKILL');
      await restarted;
      // All that fills a file is in one; the rest of each partition waits for the job below.
      while ([0, 1].flatMap(filesOf).length < 98) await setTimeout(20);
      await run.stop();
      await (await start('&until=end')).completed;

      const written = [0, 1].map((partition) => filesOf(partition).map(linesOf));
      expect(written.flat(2).toSorted()).toEqual(lines.toSorted());
      for (const files of written) {
        expect(files.length).toBeGreaterThan(1);
        const costs = files.flat().map((line) => (JSON.parse(line) as Order).cents);
        expect(costs).toEqual(costs.toSorted((a, b) => a - b));
        expect(files.slice(0, -1).every((file) => file.length === 10)).toBe(true);
      }
      expect(readdirSync(folder).filter((name) => name.endsWith('.part'))).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    // Two processes load TypeScript.
  }, 120_000);
});
