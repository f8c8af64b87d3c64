/** Asks for a `Clock`: the machine's, or in tests one that they set. */
export const CLOCK = Symbol('clock');
