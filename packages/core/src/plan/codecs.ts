import { z } from 'zod';
import { json, type Codec } from '../codec/index.js';
import type { OperatorMembers, PortMetadata } from '../operator/index.js';
import { shown, type ProblemList } from './problem-list.js';

/** Stands in for what is no codec, so that the rest of the plan can be made; nothing is held against it. */
export const STAND_IN: Codec<unknown> = json(z.unknown());

/**
 * The members of an operator with a codec for every port. TypeScript lets nothing else through, but plain JavaScript does, and
 * modules that import each other in a circle give `undefined` for a codec that is declared later.
 */
export function withCodecs(members: OperatorMembers, where: string, problems: ProblemList): OperatorMembers {
  const ports = new Map<string, PortMetadata>();
  for (const port of members.ports.values()) {
    const given: unknown = port.codec;
    const isCodec = typeof given === 'object' && given !== null && 'fingerprint' in given && 'format' in given;
    if (!isCodec) {
      problems.error('MILLRACE_SCHEMA_UNMAPPABLE', `${where}.${port.name}`, `the ${port.direction} is declared with ${typeof given === 'object' && given !== null ? 'an object' : shown(given)}, which is no codec`, given === undefined ? 'check that its module is not imported in a circle' : `declare it with what avro(), json(), text() or bytes() gives`);
    }
    ports.set(port.name, isCodec ? port : { ...port, codec: STAND_IN });
  }
  return { ...members, ports };
}
