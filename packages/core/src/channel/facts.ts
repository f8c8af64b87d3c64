/**
 * The facts that a pipeline keeps in control: keys, and values as UTF-8 JSON with `"v":1`.
 *
 * | key | value |
 * |---|---|
 * | `generation` | the newest start |
 * | `schema/<fingerprint>` | a schema that records were written with |
 * | `status/<generation>/<channel>/<owner>/<incarnation>/<side>` | a channel end |
 * | `beat/<generation>/<process>` | a sign of life |
 * | `crash/<replica>` | records in hand when its thread or process crashed |
 * | `replicas/<operator>` | how many there are, and the most there ever were |
 * @internal
 */
export const FactKey = {
  generation: 'generation',
  schemas: 'schema/',
  schema: (fingerprint: string) => `schema/${fingerprint}`,
  statuses: (generation: number) => `status/${generation}/`,
  status: (generation: number, channel: string, owner: string, incarnation: number, side: 'reader' | 'writer') => `status/${generation}/${channel}/${owner}/${incarnation}/${side}`,
  beats: (generation: number) => `beat/${generation}/`,
  beat: (generation: number, process: string) => `beat/${generation}/${process}`,
  crash: (owner: string) => `crash/${owner}`,
  replicas: (operator: string) => `replicas/${operator}`,
} as const;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** @internal */
export function encodeFact(fact: object): Uint8Array {
  return encoder.encode(JSON.stringify({ v: 1, ...fact }));
}

/**
 * A fact, or `undefined` for one of a later version or of no version: facts come from other processes, and one that this code
 * cannot read must not stop it.
 * @internal
 */
export function decodeFact<T extends object>(bytes: Uint8Array): T | undefined {
  try {
    const fact = JSON.parse(decoder.decode(bytes)) as T & { v?: unknown };
    return typeof fact === 'object' && fact !== null && fact.v === 1 ? fact : undefined;
  } catch {
    return undefined;
  }
}
