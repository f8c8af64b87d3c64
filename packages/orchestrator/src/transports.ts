import { MillraceError, type ChannelBackend, type Transport } from '@millrace/core';
import { backendOf, schemeOf } from './backends.js';

/** The transports of one start: one for each place, however many locations of the plan name it. */
export class Transports {
  readonly #byLocation = new Map<string, Transport>();

  /** Connects to locations. @throws the first failure, after closing what was open */
  static async open(locations: readonly string[], backends: readonly ChannelBackend[], options: Readonly<Record<string, unknown>> = {}): Promise<Transports> {
    const transports = new Transports();
    try {
      for (const location of new Set(locations)) {
        const backend = backendOf(location, backends);
        if (backend === undefined) throw new MillraceError('MILLRACE_BACKEND_UNKNOWN', `no backend is registered for ${schemeOf(location)}:`);
        const transport = await backend.connect(location, options[location]);
        const same = [...transports.#byLocation.values()].find(({ identity }) => identity === transport.identity);
        if (same !== undefined) await transport.close();
        transports.#byLocation.set(location, same ?? transport);
      }
      return transports;
    } catch (error) {
      await transports.close();
      throw error;
    }
  }

  /** @throws MillraceError for a location that is not in the plan */
  get(location: string): Transport {
    const transport = this.#byLocation.get(location);
    if (transport === undefined) throw new MillraceError('MILLRACE_LOCATION_INVALID', `${location} is not part of the plan`);
    return transport;
  }

  get all(): ReadonlyMap<string, Transport> {
    return this.#byLocation;
  }

  async close(): Promise<void> {
    await Promise.all([...new Set(this.#byLocation.values())].map((transport) => transport.close()));
  }
}
