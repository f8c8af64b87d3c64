import { ContainerModule, systemClock } from 'millrace';
import { Printer } from './printer.js';
import { CLOCK } from './tokens.js';

export default new ContainerModule(({ bind }) => {
  bind(CLOCK).toConstantValue(systemClock);
  bind(Printer).toSelf().inSingletonScope();
});
