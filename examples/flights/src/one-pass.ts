import { readFileSync } from 'node:fs';
import { decompress } from 'fzstd';
import { asyncBufferFromFile, parquetRead } from 'hyparquet';
import { AIRPORTS, FLIGHTS } from './data.js';

/** The same ten airports without any of the pipeline's code: one loop over the files. For tests. */
export async function onePass(rows: number): Promise<{ airport: object; flights: number; meanDelay: number }[]> {
  const airports = new Map<string, object>();
  for (const line of readFileSync(AIRPORTS, 'utf8').split('\n').slice(1)) {
    const [iata = '', name, city, state] = [...line.matchAll(/("(?:[^"]|"")*"|[^",]*)(?:,|$)/g)].map(([, cell]) => (cell!.startsWith('"') ? cell!.slice(1, -1).replaceAll('""', '"') : cell!));
    airports.set(iata, { iata, name, city: city === 'NA' ? '' : city, state: state === 'NA' ? '' : state });
  }
  const sums = new Map<string, { flights: number; delay: bigint }>();
  await parquetRead({
    file: await asyncBufferFromFile(FLIGHTS),
    columns: ['origin', 'delay'],
    rowEnd: rows,
    compressors: { ZSTD: (input, length) => decompress(input, new Uint8Array(length)) },
    onComplete(all: unknown[][]) {
      for (const [origin, delay] of all as [string, bigint][]) {
        const sum = sums.get(origin) ?? { flights: 0, delay: 0n };
        sums.set(origin, { flights: sum.flights + 1, delay: sum.delay + delay });
      }
    },
  });
  return [...sums]
    .map(([iata, { flights, delay }]) => ({ airport: airports.get(iata)!, flights, meanDelay: Number(delay) / flights, iata }))
    .sort((a, b) => b.meanDelay - a.meanDelay || a.iata.localeCompare(b.iata))
    .slice(0, 10)
    .map(({ airport, flights, meanDelay }) => ({ airport, flights, meanDelay }));
}
