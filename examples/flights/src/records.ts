import { avro, type RecordOf } from 'millrace';
import { z } from 'zod';

/** A row as the file has it: every column may be empty, numbers are 64 bits wide. */
export const Row = avro(
  z
    .object({ date: z.date().nullable(), delay: z.bigint().nullable(), distance: z.bigint().nullable(), origin: z.string().nullable(), destination: z.string().nullable() })
    .meta({ id: 'flights.Row' }),
);
export type Row = RecordOf<typeof Row>;

/** A flight: `delay` in minutes, negative for one that was early. */
export const Flight = avro(z.object({ date: z.date(), delay: z.int(), origin: z.string(), destination: z.string() }).meta({ id: 'flights.Flight' }));
export type Flight = RecordOf<typeof Flight>;

const airport = z.object({ iata: z.string(), name: z.string(), city: z.string(), state: z.string() }).meta({ id: 'flights.Airport' });
export type Airport = z.output<typeof airport>;

/** A flight as the airport sees it that it left from. */
export const Departure = avro(z.object({ airport, delay: z.int() }).meta({ id: 'flights.Departure' }));
export type Departure = RecordOf<typeof Departure>;

export const airportDelay = z.object({ airport, flights: z.int(), delay: z.int() }).meta({ id: 'flights.AirportDelay' });
/** All departures of an airport so far: their number, and the sum of their delays in minutes. */
export const AirportDelay = avro(airportDelay);
export type AirportDelay = RecordOf<typeof AirportDelay>;
