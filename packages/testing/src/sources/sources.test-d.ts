/** What a test of a pipeline must not say. Checked by the type check of the repository. */
import { avro, Pipeline, type Entry, type RecordOf } from '@millrace/core';
import { expectTypeOf } from 'vitest';
import { z } from 'zod';
import { ABORT, collector, EOF, Pause, PAUSE, testSource } from './index.js';

const Word = avro(z.object({ word: z.string() }).meta({ id: 'Word' }));
type Word = RecordOf<typeof Word>;
const Count = avro(z.object({ count: z.int() }).meta({ id: 'Count' }));

export const Source = testSource(Word, [{ word: 'a' }, PAUSE, new Pause(), ABORT, EOF], { key: ({ word }) => word, batch: 1 });
export const Sink = collector(Word);

export class Words extends Pipeline {
  readonly source = this.add(Source);
  readonly sink = this.add(Sink, {}, { replicas: 2, ports: { in: { partitions: 4 } } });
  readonly counts = this.add(collector(Count));
  constructor() {
    super('words');
    this.sink.in.connect(this.source.out);
    // @ts-expect-error other records
    this.counts.in.connect(this.source.out);
    // @ts-expect-error the source has no input
    void this.source.in;
  }
}

expectTypeOf(Sink.values).toEqualTypeOf<readonly Word[]>();
expectTypeOf(Sink.entries).toEqualTypeOf<readonly Entry<Word>[]>();
expectTypeOf(Sink.received(1)).toEqualTypeOf<Promise<readonly Word[]>>();
// @ts-expect-error a record of another schema
testSource(Word, [{ count: 1 }]);
// @ts-expect-error text is no mark
testSource(Word, ['EOF']);
// @ts-expect-error an unknown option
testSource(Word, [], { keys: () => 'k' });
