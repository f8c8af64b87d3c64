import { ContainerModule } from 'millrace';
import { Airports } from './airports.js';
import { AIRPORTS } from './data.js';
import { Scoreboard } from './scoreboard.js';

/** Of this process: the sink, which stays here, shows its ranking on it. */
export const scoreboard = new Scoreboard();

const airports = await Airports.load(AIRPORTS);

/** What the operators are given. Each thread and process loads this module, and has its own. */
export default new ContainerModule(({ bind }) => {
  bind(Airports).toConstantValue(airports);
  bind(Scoreboard).toConstantValue(scoreboard);
});
