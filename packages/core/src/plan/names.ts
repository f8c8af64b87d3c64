import { Operator, operatorMembersOf, type OperatorMembers } from '../operator/index.js';
import type { PipelineDefinition, PipelineNode } from '../pipeline/index.js';
import { shown, type ProblemList } from './problem-list.js';

const NAME = /^[A-Za-z_][A-Za-z0-9_-]*$/;
/** Whether a pipeline, operator or port can be called so. */
export function isName(name: string): boolean {
  return NAME.test(name);
}

const RULE = 'names have letters, digits, _ and -, and begin with a letter or _';

/** An operator of the pipeline with its name settled. */
export interface NamedOperator {
  readonly node: PipelineNode;
  /** Its name; one that stands in for it where it has none. */
  readonly name: string;
  /** `pipeline.operator`, as problems name it. */
  readonly where: string;
  /** False where the name is itself a problem: what is derived from it (channel names) is then not worth checking. */
  readonly sound: boolean;
  readonly members: OperatorMembers;
}

/** Settles the names of the pipeline, its operators and their ports. */
export function nameOperators(definition: PipelineDefinition, problems: ProblemList): readonly NamedOperator[] {
  const label = definition.name === '' ? 'pipeline' : definition.name;
  if (!isName(definition.name)) problems.error('MILLRACE_NAME_INVALID', label, `the pipeline cannot be called ${shown(definition.name)}`, RULE);
  const taken = new Set<string>();
  const operators = definition.nodes.map((node): NamedOperator => {
    const given = definition.names.get(node) as unknown;
    const members = operatorMembersOf(node.type);
    if (given === undefined) {
      const standIn = unused(`unnamed${node.type.name}`, taken);
      problems.error('MILLRACE_NAME_INVALID', label, `an operator of class ${node.type.name || '(anonymous)'} has no name`, 'keep it in a field of the pipeline or give { name }');
      return { node, name: standIn, where: `${definition.name}.${standIn}`, sound: false, members };
    }
    const name = String(given);
    const where = `${definition.name}.${name}`;
    const wellFormed = typeof given === 'string' && isName(name);
    if (!wellFormed) problems.error('MILLRACE_NAME_INVALID', where, `an operator cannot be called ${shown(given)}`, RULE);
    const doubled = taken.has(name);
    if (doubled) problems.error('MILLRACE_NAME_INVALID', where, 'two operators have this name', 'give one of them another { name }');
    taken.add(name);
    return { node, name, where, sound: wellFormed && !doubled, members };
  });
  for (const operator of operators) checkMembers(operator, problems);
  return operators;
}

/** Field names of an operator: what the framework calls by its name cannot be a port too, nor one field be two things. */
function checkMembers({ where, members }: NamedOperator, problems: ProblemList): void {
  const kinds = new Map<string, string>();
  for (const [kind, fields] of [['port', members.ports], ['state', members.states], ['plugin', members.plugins]] as const) {
    for (const name of fields.keys()) {
      const at = `${where}.${name}`;
      if (kind === 'port' && !isName(name)) problems.error('MILLRACE_NAME_INVALID', at, `a port cannot be called ${shown(name)}`, RULE);
      if (name in Operator.prototype || name === 'parameters' || name === 'context') problems.error('MILLRACE_NAME_INVALID', at, `a ${kind} cannot be called ${name}, which every operator has already`, 'rename the field');
      const other = kinds.get(name);
      if (other !== undefined) problems.error('MILLRACE_NAME_INVALID', at, `the field is a ${other} and a ${kind}`, 'a subclass redeclares a field as what it was, or under another name');
      kinds.set(name, kind);
    }
  }
}

function unused(name: string, taken: Set<string>): string {
  let candidate = name;
  for (let i = 2; taken.has(candidate); i++) candidate = `${name}${i}`;
  taken.add(candidate);
  return candidate;
}
