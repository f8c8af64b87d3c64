import type { Airport, AirportDelay } from './records.js';

/** An airport in the ranking; `meanDelay` in minutes. */
export interface Ranked {
  readonly airport: Airport;
  readonly flights: number;
  readonly meanDelay: number;
}

/** The airports with the largest mean delay first; of equals the one whose code comes first. */
export function rank(delays: readonly AirportDelay[], count: number, minFlights = 1): readonly Ranked[] {
  return delays
    .filter(({ flights }) => flights >= minFlights)
    .map(({ airport, flights, delay }) => ({ airport, flights, meanDelay: delay / flights }))
    .sort((a, b) => b.meanDelay - a.meanDelay || (a.airport.iata < b.airport.iata ? -1 : 1))
    .slice(0, count);
}

/** Where the sink shows the ranking. */
export class Scoreboard {
  ranking: readonly Ranked[] = [];
  /** Flights that the ranking was made from, also those of airports that are not in it. */
  flights = 0;

  show(ranking: readonly Ranked[], flights: number): void {
    this.ranking = ranking;
    this.flights = flights;
  }
}
