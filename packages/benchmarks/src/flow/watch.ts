import { expectedSum, sumOf, type Reading } from './records.js';

/** What the operators of a pipeline tell the benchmark; a service of the run. Times as of `performance.now`. */
export class Watch {
  received = 0;
  sum = 0;
  #startedAt: number | undefined;
  #endedAt = 0;

  /** @param records how many the sink will get */
  constructor(readonly records: number) {}

  /** The source begins a step. */
  start(): void {
    this.#startedAt ??= performance.now();
  }

  /** The sink got records. */
  receive(readings: readonly Reading[]): void {
    this.add(readings.length, sumOf(readings));
  }

  /** As {@link receive}, for who has their sum. */
  add(count: number, sum: number): void {
    this.sum += sum;
    this.received += count;
    if (this.received === this.records) this.#endedAt = performance.now();
  }

  /** @throws Error where the sink got other records than were sent. @param sum of their numbers */
  verify(sum = expectedSum(this.records)): void {
    if (this.received !== this.records || this.sum !== sum) throw new Error(`the sink received ${this.received} of ${this.records} records, or others than were sent`);
  }

  /** When the source began, as of `performance.now`. */
  get startedAt(): number {
    return this.#startedAt ?? this.#endedAt;
  }

  /** From the first step of the source to the last record of the sink. */
  get seconds(): number {
    return (this.#endedAt - (this.#startedAt ?? this.#endedAt)) / 1000;
  }
}
