import { ChildHost } from './child-host.js';
import { takeParentLink } from './parent-link.js';

const KEY = Symbol.for('@millrace/hosted');
const shared = globalThis as { [KEY]?: boolean };

// The first copy of this package that a child loads runs its replicas; others only know that they are in one.
const link = shared[KEY] === undefined ? takeParentLink() : undefined;
shared[KEY] ??= link !== undefined;
if (link !== undefined) new ChildHost(link);

/**
 * Whether this thread or process is one that runs replicas for another. A program that is loaded there for its operators must not
 * start its pipeline once more.
 */
export function isHosted(): boolean {
  return shared[KEY] === true;
}
