import { ContainerModule } from 'millrace';
import { Printer, Web } from './web.js';

export default new ContainerModule(({ bind }) => {
  bind(Web).toSelf().inSingletonScope();
  bind(Printer).toSelf().inSingletonScope();
});
