/** The services of `local/processes`, which each process makes for itself. */
import { ContainerModule } from 'millrace';
import { Watch } from '../flow/watch.js';

export default new ContainerModule(({ bind }) => void bind(Watch).toConstantValue(new Watch(Infinity)));
