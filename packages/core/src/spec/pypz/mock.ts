import { z } from 'zod';
import { MillraceError } from '../../error/index.js';
import { Operator, type OperatorClass } from '../../operator/index.js';
import { recordMember, recordOperator } from '../../operator/metadata.js';
import { STAND_IN } from '../../plan/codecs.js';
import type { UnmappedOperator } from './read.js';

/**
 * A class that stands for an operator of pypz, so that its pipeline can be described: it has the ports that are known and takes
 * any parameters. It may be part of a run that leaves it to pypz (`only`), and fails where it is to run itself.
 */
export function mockOf({ python, ports }: UnmappedOperator): OperatorClass {
  const Mock = class extends Operator {
    static override readonly parameters = z.looseObject({});
    override onRunning(): never {
      throw new MillraceError('MILLRACE_CLASS_NOT_FOUND', `${this.context.operator} stands for ${python} of pypz, and cannot run here; map its class, or leave it to pypz with only`);
    }
  };
  recordOperator(Mock, { name: python, module: undefined, description: `Stands for ${python} of pypz.` });
  for (const [name, direction] of ports) recordMember(Mock.prototype, 'ports', { name, direction, codec: STAND_IN, dependsOn: [] });
  return Mock;
}
