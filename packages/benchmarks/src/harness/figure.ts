/** What a figure must be to be met. */
export interface Target {
  readonly at: 'least' | 'most';
  readonly value: number;
}

/** One measured figure. */
export interface Figure {
  /** `suite/scenario`. */
  readonly bench: string;
  readonly value: number;
  readonly unit: string;
  /** Seconds of CPU time per million records. */
  readonly cpu?: number | undefined;
  /** What it was measured against, in the same unit. */
  readonly peer?: { readonly name: string; readonly value: number; readonly ratio: number; readonly cpu?: number | undefined };
  /** A peer that could not be measured. */
  readonly missing?: { readonly name: string; readonly why: string };
  /** Of the ratio where there is a peer, else of the value. */
  readonly target?: Target;
}

/** Whether the target, if any, holds. What is missing does not. */
export function isMet({ value, peer, missing, target }: Figure): boolean {
  if (missing !== undefined) return false;
  if (target === undefined) return true;
  const measured = peer?.ratio ?? value;
  return target.at === 'least' ? measured >= target.value : measured <= target.value;
}

/** A figure as one line of JSON: with its peer and the ratio, or, where it has none, with its target; and CPU time where it is known. */
export function toJsonLine({ bench, value, unit, peer, missing, target, cpu }: Figure): string {
  const rest = missing !== undefined ? { peer: missing.name, missing: missing.why } : peer === undefined ? { target: target?.value } : { peer: peer.name, peerValue: rounded(peer.value), ratio: rounded(peer.ratio) };
  return JSON.stringify({ bench, value: rounded(value), unit, ...rest, cpu: optional(cpu), peerCpu: optional(peer?.cpu) });
}

/** `undefined` is left out of JSON. */
function optional(value: number | undefined): number | undefined {
  return value === undefined ? undefined : rounded(value);
}

/** Four digits are more than two runs agree on. */
function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
