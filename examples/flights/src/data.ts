import { fileURLToPath } from 'node:url';

const file = (name: string): string => fileURLToPath(new URL(`../data/${name}`, import.meta.resolve('vega-datasets')));

/** Three million flights within the United States in the first half of 2001, in the order of their departure. */
export const FLIGHTS = file('flights-3m.parquet');
export const AIRPORTS = file('airports.csv');
