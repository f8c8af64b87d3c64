import type { AddOptions, InstanceOf, Logger, OperatorClass } from '@millrace/core';
import type { z } from 'zod';
import type { SettableClock } from '../clock/index.js';
import type { HarnessServices } from './services.js';
import type { InputName, OutputName, StateOf } from './types.js';

/** The options of `Pipeline.add`, which hold here too, and what the harness asks beside them. */
export interface HarnessOptions<I> extends Omit<AddOptions<I>, 'placement'> {
  /** Which of the `replicas` it is; 0 is the principal. The others are not there. Default 0. */
  readonly replica?: number;
  /** How many partitions the channel of a port has. Default: of an input as many as `replicas`, of an output 1. */
  readonly partitions?: { readonly [K in InputName<I> | OutputName<I>]?: number };
  /** Bindings for what the constructors of the operator and its plugins ask for. Loaded anew at each start. */
  readonly services?: HarnessServices;
  /** State to begin with, as an earlier run would have left it. */
  readonly state?: Partial<StateOf<I>>;
  /** Default: one of its own. */
  readonly clock?: SettableClock;
  /** Default: none. */
  readonly logger?: Logger;
}

/** `parameters` may be left out where every one has a default. */
export type HarnessArguments<C extends OperatorClass> = {} extends z.input<C['parameters']>
  ? [options?: HarnessOptions<InstanceOf<C>> & { readonly parameters?: z.input<C['parameters']> }]
  : [options: HarnessOptions<InstanceOf<C>> & { readonly parameters: z.input<C['parameters']> }];
