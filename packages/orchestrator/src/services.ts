import { MillraceError, toError, type OperatorPlan, type Operator, type Plugin } from '@millrace/core';
import { ClassElementMetadataKind, getClassMetadata } from '@inversifyjs/core';
import { Container, ContainerModule } from 'inversify';
import type { ResolvedServices } from './options.js';

/** Makes operators and plugins with the services that their constructors ask for: one container for the run, and a child for each replica that needs one. */
export class ServiceContainer {
  readonly #root = new Container();

  /** @throws MillraceError `MILLRACE_INJECTION_FAILED` where a module cannot be loaded, exports no bindings, or throws */
  static async load(services: ResolvedServices | undefined): Promise<ServiceContainer> {
    const container = new ServiceContainer();
    const modules = await modulesOf(services);
    try {
      await container.#root.loadAsync(...modules);
    } catch (cause) {
      throw new MillraceError('MILLRACE_INJECTION_FAILED', `the services cannot be bound: ${toError(cause).message}`, { cause });
    }
    return container;
  }

  /**
   * The container of one replica, whose bindings are those of the run. Its own where it asks for classes that nobody bound: those
   * are made for this replica alone. Containers are large.
   */
  of({ type, plugins }: OperatorPlan): Container {
    const isBound = [type, ...plugins.map((plugin) => plugin.type)].every((target) => getClassMetadata(target).constructorArguments.every((argument) => {
      return argument.kind === ClassElementMetadataKind.unmanaged || this.#root.isBound(tokenOf(argument.value) as symbol);
    }));
    return isBound ? this.#root : new Container({ parent: this.#root });
  }

  /** Why an operator or one of its plugins cannot be made; `undefined` where each service it asks for is bound, optional or a class. Constructs nothing. */
  whyNot({ type, plugins }: OperatorPlan): Error | undefined {
    for (const target of [type, ...plugins.map((plugin) => plugin.type)]) {
      for (const [index, argument] of getClassMetadata(target).constructorArguments.entries()) {
        if (argument.kind === ClassElementMetadataKind.unmanaged || argument.optional) continue;
        const token = tokenOf(argument.value);
        if (typeof token === 'function' && token !== Object) continue;
        if (token !== Object && this.#root.isBound(token as symbol)) continue;
        const name = token === Object ? 'an interface, which has no form at run time: write @inject(token)' : String(token);
        return new MillraceError('MILLRACE_INJECTION_FAILED', `argument ${index} of ${target.name} asks for ${name}${token === Object ? '' : ', which services does not bind'}`);
      }
    }
    return undefined;
  }
}

function tokenOf(wanted: unknown): unknown {
  return typeof wanted === 'object' && wanted !== null && 'unwrap' in wanted ? (wanted as { unwrap(): unknown }).unwrap() : wanted;
}

/** @throws MillraceError `MILLRACE_INJECTION_FAILED` */
export async function make<T extends Operator | Plugin>(container: Container, type: abstract new (...args: never[]) => T, name: string): Promise<T> {
  try {
    return await container.getAsync<T>(type as never, { autobind: true });
  } catch (cause) {
    throw new MillraceError('MILLRACE_INJECTION_FAILED', `${name} of class ${type.name} cannot be made: ${toError(cause).message}`, { operator: name, cause });
  }
}

async function modulesOf(services: ResolvedServices | undefined): Promise<readonly ContainerModule[]> {
  if (services === undefined) return [];
  if (services instanceof ContainerModule) return [services];
  if (!(services instanceof URL)) return services;
  let exported: unknown;
  try {
    exported = ((await import(services.href)) as { default?: unknown }).default;
  } catch (cause) {
    throw new MillraceError('MILLRACE_INJECTION_FAILED', `the services of ${services.href} cannot be loaded: ${toError(cause).message}`, { cause });
  }
  const modules: readonly unknown[] = Array.isArray(exported) ? exported : [exported];
  if (!modules.every((module) => module instanceof ContainerModule)) throw new MillraceError('MILLRACE_INJECTION_FAILED', `${services.href} must export a ContainerModule of inversify, or several in an array, as its default`);
  return modules;
}
