import { compileFunction } from 'node:vm';
import { isInherited } from './values.js';

/**
 * JavaScript code that is put together function by function and compiled once: what makes a codec as fast as one written by
 * hand for its schema.
 *
 * Nothing of a schema becomes code but the names of fields, which are checked to be Avro names and stand between quotes.
 * Everything else (symbols, literals, functions of this package) comes in as a constant.
 */
export class Program {
  readonly #functions: string[] = [];
  readonly #constants: unknown[] = [];
  readonly #names = new Map<unknown, string>();

  /** The name under which the code can use a value of this program. */
  constant(value: unknown): string {
    let name = this.#names.get(value);
    if (name === undefined) {
      name = `k${this.#constants.push(value) - 1}`;
      this.#names.set(value, name);
    }
    return name;
  }

  /**
   * Adds a function, and gives the name to call it by. The body is made after the name exists, so that it can call itself.
   *
   * @param parameters as they stand between the parentheses.
   * @param key what the function is for: asked again with it, the function made before is given.
   */
  function(parameters: string, key: object, body: (name: string) => string): string {
    let name = this.#names.get(key);
    if (name === undefined) {
      name = `f${this.#names.size}`;
      this.#names.set(key, name);
      this.#functions.push(`function ${name}(${parameters}) {\n${body(name)}\n}`);
    }
    return name;
  }

  /**
   * Adds a constructor of plain objects, and gives its name; the arguments are the values of the members. A literal makes the same objects,
   * but V8 may come to allocate those of a literal among the old ones (allocation site pretenuring), where they and all that they hold stay
   * until the next major collection: reading then takes half as long again.
   */
  plainObject(members: readonly string[]): string {
    const parameters = members.map((_, index) => `m${index}`);
    const name = this.function(parameters.join(', '), members, () => members.map((member, index) => own(member, parameters[index]!)).join('\n'));
    this.#functions.push(`${name}.prototype = Object.prototype;`);
    return name;
  }

  /** Compiles the program and gives the value of an expression in it. */
  link(expression: string, title: string): unknown {
    const parameters = this.#constants.map((_, index) => `k${index}`);
    const code = `"use strict";\n${this.#functions.join('\n')}\nreturn ${expression};`;
    return (compileFunction(code, parameters, { filename: `millrace:${title}` }) as (...constants: unknown[]) => unknown)(...this.#constants);
  }
}

/** A text as it stands in code. */
export function quote(text: string): string {
  return JSON.stringify(text);
}

/** The statement that gives an object a member of its own; one that is inherited, too, cannot be assigned where `Object.prototype` is frozen. */
function own(name: string, value: string): string {
  const key = quote(name);
  return isInherited(name) ? `Object.defineProperty(this, ${key}, { value: ${value}, writable: true, enumerable: true, configurable: true });` : `this[${key}] = ${value};`;
}

/** The expression for a member of an object. */
export function member(object: string, name: string): string {
  const key = quote(name);
  return isInherited(name) ? `(Object.hasOwn(${object}, ${key}) ? ${object}[${key}] : undefined)` : `${object}[${key}]`;
}
