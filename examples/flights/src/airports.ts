import { readFile } from 'node:fs/promises';
import { csvParse } from 'd3-dsv';
import type { Airport } from './records.js';

/** Reference data: airports by their three-letter code. */
export class Airports {
  readonly #byCode: ReadonlyMap<string, Airport>;

  constructor(airports: readonly Airport[]) {
    this.#byCode = new Map(airports.map((airport) => [airport.iata, airport]));
  }

  /** Reads a CSV file with the columns `iata`, `name`, `city` and `state`, where NA says that it is not known. */
  static async load(path: string): Promise<Airports> {
    const rows = csvParse<'iata' | 'name' | 'city' | 'state'>(await readFile(path, 'utf8'));
    return new Airports(rows.map(({ iata, name, city, state }) => ({ iata, name, city: known(city), state: known(state) })));
  }

  /** An airport that nobody knows goes by its code. */
  get(iata: string): Airport {
    return this.#byCode.get(iata) ?? { iata, name: iata, city: '', state: '' };
  }
}

function known(text: string): string {
  return text === 'NA' ? '' : text;
}
