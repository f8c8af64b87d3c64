import { Pipeline } from 'millrace';
import { DelayAggregator } from './aggregator.js';
import { AirportEnricher } from './enricher.js';
import { FlightParser } from './parser.js';
import { WorstAirports } from './sink.js';
import { FlightSource } from './source.js';

export interface FlightsOptions {
  /** A Parquet file with the columns of `Row`. */
  readonly file: string;
  /** How many rows of it. Default: all. */
  readonly rows?: number | undefined;
  /** Replicas of the aggregator. Default 4. */
  readonly replicas?: number | undefined;
  /** Fewest flights of an airport in the ranking. Default 1. */
  readonly minFlights?: number | undefined;
}

/** From flights to the ten airports with the worst delays. */
export class Flights extends Pipeline {
  readonly source;
  readonly parser;
  readonly enricher;
  readonly aggregator;
  readonly sink;

  constructor(name: string, { file, rows, replicas = 4, minFlights }: FlightsOptions) {
    super(name);
    this.source = this.add(FlightSource, { file, rows });
    this.parser = this.add(FlightParser);
    this.enricher = this.add(AirportEnricher);
    this.aggregator = this.add(DelayAggregator, {}, { replicas });
    // It shows the ranking to the program that runs the pipeline.
    this.sink = this.add(WorstAirports, { minFlights }, { placement: 'inline' });
    this.parser.rows.connect(this.source.rows);
    this.enricher.flights.connect(this.parser.flights);
    this.aggregator.departures.connect(this.enricher.departures);
    this.sink.delays.connect(this.aggregator.delays);
  }
}
