import { ContainerModule } from 'millrace';
import { Printer } from './printer.js';

/** What operators may ask for. A file of its own, so that whatever runs a replica can load it. */
export default new ContainerModule(({ bind }) => {
  bind(Printer).toSelf().inSingletonScope();
});
