import { inject, input, InputPort, operator, Operator, state, type ParametersOf } from 'millrace';
import { z } from 'zod';
import { AirportDelay, airportDelay } from './records.js';
import { rank, Scoreboard } from './scoreboard.js';

@operator(import.meta, { description: 'Ranks airports by their mean delay.' })
export class WorstAirports extends Operator {
  static override readonly parameters = z.object({
    count: z.int().positive().default(10),
    minFlights: z.int().positive().default(1).describe('Leaves out airports with fewer.'),
  });
  declare readonly parameters: ParametersOf<typeof WorstAirports>;
  @input(AirportDelay) declare readonly delays: InputPort<AirportDelay>;
  /** The latest total of each airport. One that comes twice changes nothing. */
  @state(z.object({ airports: z.record(z.string(), airportDelay).default({}) })) declare latest: { airports: Record<string, AirportDelay> };

  constructor(@inject(Scoreboard) private readonly scoreboard: Scoreboard) {
    super();
  }

  override onInit() {
    this.#show();
  }

  override onRunning() {
    for (const delay of this.delays.retrieve()) this.latest.airports[delay.airport.iata] = delay;
    this.#show();
  }

  #show(): void {
    const { count, minFlights } = this.parameters;
    const delays = Object.values(this.latest.airports);
    this.scoreboard.show(rank(delays, count, minFlights), delays.reduce((sum, { flights }) => sum + flights, 0));
  }
}
