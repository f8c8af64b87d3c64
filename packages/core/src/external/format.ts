import type { Codec } from '../codec/index.js';
import type { ExternalFormat } from '../plan/plan.js';

/** The format that a binding asks for, or the one that goes with the codec of its port. */
export function formatOf(codec: Codec<unknown>, asked: ExternalFormat | undefined): ExternalFormat {
  return asked ?? codec.format;
}
