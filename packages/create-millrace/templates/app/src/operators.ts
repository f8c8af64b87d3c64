import { avro, input, InputPort, operator, Operator, output, OutputPort, state, type ParametersOf, type RecordOf } from 'millrace';
import { z } from 'zod';

/** What a sensor measured. One schema gives the type, the check of its values and the form on the wire. */
export const Reading = avro(z.object({ sensor: z.string(), celsius: z.number() }).meta({ id: 'example.Reading' }));
export type Reading = RecordOf<typeof Reading>;

/** The mean of what a sensor measured so far. */
export const Average = avro(z.object({ sensor: z.string(), celsius: z.number(), readings: z.int() }).meta({ id: 'example.Average' }));
export type Average = RecordOf<typeof Average>;

/** A source: it has no input, and is called again until it returns true. */
@operator(import.meta, { description: 'Measures temperatures, or makes them up.' })
export class Sensors extends Operator {
  static override readonly parameters = z.object({ sensors: z.int().positive(), readings: z.int().positive(), batchSize: z.int().positive().default(100) });
  declare readonly parameters: ParametersOf<typeof Sensors>;
  @output(Reading) declare readonly readings: OutputPort<Reading>;
  /** Committed together with what was sent, so that a restart goes on where the last run stood. */
  @state(z.object({ sent: z.int().default(0) })) declare progress: { sent: number };

  override async onRunning() {
    const { sensors, readings, batchSize } = this.parameters;
    const from = this.progress.sent;
    const batch = Array.from({ length: Math.min(batchSize, readings - from) }, (_, i) => reading((from + i) % sensors, from + i));
    await this.readings.send(batch, { key: ({ sensor }) => sensor });
    this.progress.sent += batch.length;
    return this.progress.sent === readings;
  }
}

/** Reads and writes: called whenever there is something to read. */
@operator(import.meta, { description: 'Keeps the mean temperature of each sensor.' })
export class Averages extends Operator {
  @input(Reading) declare readonly readings: InputPort<Reading>;
  @output(Average) declare readonly averages: OutputPort<Average>;
  @state(z.object({ of: z.record(z.string(), z.object({ sum: z.number(), count: z.int() })).default({}) }))
  declare totals: { of: Record<string, { sum: number; count: number }> };

  override async onRunning() {
    const changed = new Map<string, Average>();
    for (const { sensor, celsius } of this.readings.retrieve()) {
      const total = (this.totals.of[sensor] ??= { sum: 0, count: 0 });
      total.sum += celsius;
      total.count++;
      changed.set(sensor, { sensor, celsius: total.sum / total.count, readings: total.count });
    }
    await this.averages.send([...changed.values()], { key: ({ sensor }) => sensor });
  }
}

/** A sink: what it does with its records is seen outside. */
@operator(import.meta, { description: 'Prints each mean as it changes.' })
export class Report extends Operator {
  @input(Average) declare readonly averages: InputPort<Average>;

  override onRunning() {
    for (const { sensor, celsius, readings } of this.averages.retrieve()) console.log(`${sensor}  ${celsius.toFixed(2)} °C over ${readings} readings`);
  }
}

function reading(sensor: number, at: number): Reading {
  return { sensor: `sensor-${sensor}`, celsius: 20 + sensor + Math.sin(at / 100) };
}
