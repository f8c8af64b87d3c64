import type { Capabilities } from '../channel/spi.js';
import type { OperatorPlan } from './plan.js';
import { channelsOf } from './plan-walk.js';
import type { ProblemList } from './problem-list.js';

/**
 * Exactly-once is one transaction for outputs, positions and state. A transaction spans one location, and positions and state
 * are at home: so every channel of the operator must be there too, and home must have transactions.
 */
export function checkDelivery(plan: OperatorPlan, where: string, home: { readonly location: string; readonly capabilities: Capabilities }, problems: ProblemList): void {
  if (plan.delivery !== 'exactly-once') return;
  const atLeastOnce = "ask for 'at-least-once'";
  if (!home.capabilities.transactions) problems.error('MILLRACE_DELIVERY_IMPOSSIBLE', where, `exactly-once needs transactions, which ${home.location} does not have`, `${atLeastOnce}, or use a location with transactions`);
  for (const { name, location, reader, capabilities } of channelsOf(plan)) {
    const verb = reader?.operator === plan.name ? 'reads' : 'writes';
    if (location === home.location) {
      if (home.capabilities.transactions && !capabilities.transactions) problems.error('MILLRACE_DELIVERY_IMPOSSIBLE', where, `exactly-once needs transactions, which ${name}, that it ${verb}, does not have at ${location}`, atLeastOnce);
      continue;
    }
    problems.error('MILLRACE_DELIVERY_IMPOSSIBLE', where, `exactly-once cannot hold: it ${verb} ${name} at ${location}, while positions and state are committed at ${home.location}`, `${atLeastOnce}, or run the pipeline at the location of all its channels; two spellings count as two locations`);
  }
}
