import { serve } from './peers/serve.js';
import { transform, type Delivery } from './runs.js';

/** Our side of a race in which every round has new processes. The delivery is the argument. */
serve(({ from = '', to = '' }) => transform(from, to, process.argv[2] as Delivery));
