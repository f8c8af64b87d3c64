import { input, InputPort, operator, Operator, output, OutputPort, state, type PartitionState } from 'millrace';
import { z } from 'zod';
import { AirportDelay, airportDelay, Departure } from './records.js';

interface Totals {
  airports: Record<string, AirportDelay>;
}

@operator(import.meta, { description: 'Counts departures and sums their delays, by airport.' })
export class DelayAggregator extends Operator {
  @input(Departure) declare readonly departures: InputPort<Departure>;
  @output(AirportDelay) declare readonly delays: OutputPort<AirportDelay>;
  @state(z.object({ airports: z.record(z.string(), airportDelay).default({}) }), { per: 'partition' }) declare readonly totals: PartitionState<Totals>;
  readonly #changed = new Set<AirportDelay>();

  override onRunning() {
    for (const { value, partition } of this.departures.retrieveEntries()) {
      const { airport, delay } = value;
      const { airports } = this.totals.get(partition);
      const total = (airports[airport.iata] ??= { airport, flights: 0, delay: 0 });
      // Whole minutes: their sum does not depend on the order in which they come.
      total.delay += delay;
      total.flights++;
      this.#changed.add(total);
    }
  }

  /** Totals go out with the commit that makes them last, as values of their own since counting goes on. */
  override async onCommit() {
    await this.delays.send(Array.from(this.#changed, (total) => ({ ...total })));
    this.#changed.clear();
  }
}
