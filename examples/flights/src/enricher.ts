import { inject, input, InputPort, operator, Operator, output, OutputPort } from 'millrace';
import { Airports } from './airports.js';
import { Departure, Flight } from './records.js';

@operator(import.meta, { description: 'Looks up the airport that a flight left from.' })
export class AirportEnricher extends Operator {
  @input(Flight) declare readonly flights: InputPort<Flight>;
  @output(Departure) declare readonly departures: OutputPort<Departure>;

  constructor(@inject(Airports) private readonly airports: Airports) {
    super();
  }

  override async onRunning() {
    const departures = this.flights.retrieve().map(({ origin, delay }) => ({ airport: this.airports.get(origin), delay }));
    // By key, so that one replica of the reader sees all departures of an airport.
    await this.departures.send(departures, { key: ({ airport }) => airport.iata });
  }
}
