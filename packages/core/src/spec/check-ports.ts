import { operatorMembersOf, type OperatorClass } from '../operator/index.js';
import { suggest } from '../plan/nearest.js';
import { INPUT_RULES, OUTPUT_RULES } from '../plan/options.js';
import type { OperatorSpec } from './grammar.js';
import { isRecord } from './parse.js';
import type { SpecSource } from './source.js';

type Operators = readonly (readonly [string, OperatorSpec])[];
type Types = ReadonlyMap<string, OperatorClass>;

const KEYS = { input: ['connect', 'from', 'deadLetters', ...Object.keys(INPUT_RULES)], output: ['to', ...Object.keys(OUTPUT_RULES)] };

/** Ports that there are not, and keys that belong to ports of the other direction. */
export function checkPorts(operators: Operators, types: Types, source: SpecSource): void {
  for (const [operator, { ports }] of operators) {
    const type = types.get(operator);
    if (type === undefined || !isRecord(ports)) continue;
    const known = operatorMembersOf(type).ports;
    for (const [port, given] of Object.entries(ports)) {
      const path = ['operators', operator, 'ports', port];
      const direction = known.get(port)?.direction;
      if (direction === undefined) source.problem('MILLRACE_PORT_UNKNOWN', path, `${operator} has no port ${port}`, suggest(port, known.keys(), 'ports'), { key: true });
      else if (isRecord(given)) {
        const other = direction === 'input' ? 'output' : 'input';
        for (const key of Object.keys(given)) {
          if (!KEYS[direction].includes(key) && KEYS[other].includes(key)) source.problem('MILLRACE_OPTION_INVALID', [...path, key], `${key} belongs to ${other} ports, and ${port} is an ${direction}`, `remove it; the keys of ${direction} ports are ${KEYS[direction].join(', ')}`, { key: true });
        }
      }
    }
  }
}

/** Connections to operators or ports that there are not, or that are no outputs. */
export function checkJoints(operators: Operators, types: Types, source: SpecSource): void {
  const names = operators.map(([name]) => name);
  for (const [operator, { ports }] of operators) {
    for (const [port, given] of isRecord(ports) ? Object.entries(ports) : []) {
      const connect = isRecord(given) ? given['connect'] : undefined;
      const at = ['operators', operator, 'ports', port, 'connect'];
      const list: readonly unknown[] = Array.isArray(connect) ? connect : [connect];
      for (const [index, from] of list.entries()) {
        if (typeof from !== 'string') continue;
        const path = Array.isArray(connect) ? [...at, index] : at;
        const [sender = '', output = '', letters] = from.split('.');
        if (output === '') continue;
        const type = types.get(sender);
        if (!names.includes(sender)) source.problem('MILLRACE_CONNECTION_INVALID', path, `there is no operator ${sender}`, suggest(sender, names, 'operators'));
        if (type === undefined) continue;
        const all = operatorMembersOf(type).ports;
        const wanted = letters === undefined ? 'output' : 'input';
        const direction = all.get(output)?.direction;
        const fitting = [...all.values()].filter((member) => member.direction === wanted).map(({ name }) => name);
        if (direction === undefined) source.problem('MILLRACE_PORT_UNKNOWN', path, `${sender} has no port ${output}`, suggest(output, fitting, `${wanted} ports of ${sender}`));
        else if (direction !== wanted) source.problem('MILLRACE_CONNECTION_INVALID', path, letters === undefined ? `${from} is an input too` : `${sender}.${output} is an output, which has no dead letters`, `name an ${wanted}: ${suggest(output, fitting, `${wanted} ports of ${sender}`)}`);
      }
    }
  }
}
