import { ContainerModule } from 'millrace';
import { Ledger } from './ledger.js';

export default new ContainerModule(({ bind }) => {
  bind(Ledger).toSelf().inSingletonScope();
});
