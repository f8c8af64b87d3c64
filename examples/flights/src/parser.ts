import { input, InputPort, operator, Operator, output, OutputPort } from 'millrace';
import { Flight, Row } from './records.js';

@operator(import.meta, { description: 'Turns rows into flights; a row that lacks something is left out, such as a flight that was cancelled.' })
export class FlightParser extends Operator {
  @input(Row) declare readonly rows: InputPort<Row>;
  @output(Flight) declare readonly flights: OutputPort<Flight>;

  override async onRunning() {
    await this.flights.send(this.rows.retrieve().flatMap(parse));
  }
}

function parse({ date, delay, origin, destination }: Row): Flight | [] {
  if (date === null || delay === null || origin === null || destination === null) return [];
  return { date, delay: Number(delay), origin, destination };
}
