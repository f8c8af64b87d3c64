import 'reflect-metadata';
import { injectFromBase } from 'inversify';

type AnyClass = abstract new (...args: never[]) => unknown;

const done = new WeakSet<AnyClass>();

/**
 * Lets a class have the injections of its base, which inversify does on demand only: without it a subclass that has no
 * constructor of its own would be made with `undefined` for every service.
 * @param root the framework's own base class, which has none
 */
export function inheritInjection(type: AnyClass, root: AnyClass): void {
  if (done.has(type) || type === root) return;
  const base: unknown = Object.getPrototypeOf(type);
  if (typeof base !== 'function' || base === Function.prototype || base === root) return;
  done.add(type);
  inheritInjection(base as AnyClass, root);
  injectFromBase({ extendConstructorArguments: !hasConstructor(type), extendProperties: true })(type);
}

/** A constructor that takes nothing is not told from none at all, unless the compiler emits types; services given to it are passed over. */
function hasConstructor(type: AnyClass): boolean {
  return type.length > 0 || Reflect.hasOwnMetadata('design:paramtypes', type);
}
