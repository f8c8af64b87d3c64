import { MillraceError, toError, type Operator, type Plugin } from '@millrace/core';
import { Container, ContainerModule } from 'inversify';

/** Where the services come from that an operator asks for in its constructor. */
export type HarnessServices = ContainerModule | readonly ContainerModule[];

/** Makes operators and plugins with their services, as the orchestrator does: one container for each start. */
export class Services {
  readonly #container = new Container();

  static async load(services: HarnessServices = []): Promise<Services> {
    const loaded = new Services();
    await loaded.#container.loadAsync(...(services instanceof ContainerModule ? [services] : services));
    return loaded;
  }

  /** @throws MillraceError `MILLRACE_INJECTION_FAILED` */
  async make<T extends Operator | Plugin>(type: abstract new (...args: never[]) => T, name: string): Promise<T> {
    try {
      return await this.#container.getAsync<T>(type as never, { autobind: true });
    } catch (cause) {
      throw new MillraceError('MILLRACE_INJECTION_FAILED', `${name} of class ${type.name} cannot be made: ${toError(cause).message}`, { operator: name, cause });
    }
  }
}
