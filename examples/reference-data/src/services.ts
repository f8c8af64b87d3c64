import { ContainerModule } from 'millrace';
import { Printer } from './printer.js';

export default new ContainerModule(({ bind }) => {
  bind(Printer).toSelf().inSingletonScope();
});
