/** Somebody gives a topic more partitions while a run reads it. */
import { sharedKafka } from '#kafka';
import { expect, it, vi } from 'vitest';
import { z } from 'zod';
import { ContainerModule, inject, input, InputPort, json, operator, Operator, orchestrate, Pipeline, silentLogger, state, type PartitionState, type Run } from '../index.js';
import { Others, unique } from './fixtures.js';

const { bootstrap, describe } = await sharedKafka();
const location = `kafka://${bootstrap}`;
const others = new Others(bootstrap);
const WAIT = { timeout: 30_000, interval: 20 };
const Item = json(z.string());

interface Seen {
  readonly replica: number;
  readonly partition: number;
  readonly item: string;
  /** Records of the partition so far, by the state of the operator. */
  readonly nth: number;
}

class Ledger {
  readonly seen: Seen[] = [];

  /** Items in the order in which they came, of those whom `by` tells. */
  items(by: (seen: Seen) => boolean = () => true): string[] {
    return this.seen.filter(by).map(({ item }) => item);
  }
}

@operator(import.meta)
class Counts extends Operator {
  @input(Item) declare readonly items: InputPort<string>;
  @state(z.object({ count: z.int().default(0) }), { per: 'partition' }) declare readonly counts: PartitionState<{ count: number }>;

  constructor(@inject(Ledger) private readonly ledger: Ledger) {
    super();
  }

  override onRunning(): void {
    for (const { value, partition } of this.items.retrieveEntries()) {
      const nth = ++this.counts.get(partition).count;
      this.ledger.seen.push({ replica: this.context.replica, partition, item: value, nth });
    }
  }
}

describe('a topic of others that gets more partitions while it is read', () => {
  it.each(['exactly-once', 'at-least-once'] as const)('has them shared out as the others, from their first record on, and the next start goes on: %s', async (delivery) => {
    const topic = await others.createTopic('growing', 2);
    const [group, name] = [unique('group'), unique('growth')];
    const ledger = new Ledger();
    const start = (): Promise<Run> => {
      const pipeline = new Pipeline(name);
      pipeline.add(Counts, {}, { name: 'counts', replicas: 2 }).items.from(`${location}/${topic}?group=${group}&format=json`);
      const services = new ContainerModule(({ bind }) => void bind(Ledger).toConstantValue(ledger));
      return orchestrate(pipeline, { location, services, logger: silentLogger, handleSignals: false, defaults: { delivery, ports: { backend: { fetch: { metadataMaxAge: 100 } } } } });
    };
    const send = async (round: string, partitions: readonly number[]): Promise<void> => {
      for (const partition of partitions) await others.send(topic, [JSON.stringify(`${round}${partition}`)], partition);
    };
    const arrived = (count: number): Promise<void> => vi.waitFor(() => expect(ledger.items()).toHaveLength(count), WAIT);

    const run = await start();
    await send('a', [0, 1]);
    await arrived(2);
    await others.addPartitions(topic, 5);
    await send('b', [0, 2, 3]);
    await arrived(5);
    // One that is empty has a position too: what comes to it while nothing runs is not skipped, whatever `start` says.
    await vi.waitFor(async () => expect(await others.positions(group, topic)).toEqual({ 0: 2, 1: 1, 2: 1, 3: 1, 4: 0 }), WAIT);
    await run.stop();
    await send('c', [0, 1, 2, 3, 4]);
    const again = await start();
    await arrived(10);
    await again.stop();

    expect(ledger.items().sort()).toEqual(['a0', 'a1', 'b0', 'b2', 'b3', 'c0', 'c1', 'c2', 'c3', 'c4']);
    for (const { replica, partition } of ledger.seen) expect(replica).toBe(partition % 2);
    for (const partition of [0, 1, 2, 3, 4]) {
      const of = ledger.seen.filter((seen) => seen.partition === partition);
      expect(of.map(({ nth }) => nth)).toEqual(of.map((_, i) => i + 1));
    }
    expect(await others.positions(group, topic)).toEqual({ 0: 3, 1: 2, 2: 2, 3: 2, 4: 1 });
  });
});
