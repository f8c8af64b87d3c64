import type { Clock, ExecutionMode, HeartbeatOptions, Logger, PipelineDefaults } from '@millrace/core';
import type { ContainerModule } from 'inversify';
import type { BackendSource } from './backends.js';

/**
 * Where services that operators ask for come from: a module of bindings, several, or the URL or path of a file whose default
 * export is one. Operators in threads and processes need a file, which each of those loads.
 */
export type Services = ContainerModule | readonly ContainerModule[] | URL | string;

/** Services whose path, if any, is a URL. */
export type ResolvedServices = Exclude<Services, string>;

/** Options of {@link orchestrate}. Durations in ms. */
export interface OrchestrateOptions {
  /** Where channels, positions, state and control are: `memory:`, `local:./data`, `kafka://broker:9092`. */
  readonly location: string;
  /**
   * Starts with one run id share a generation and run the pipeline together, each the replicas that `only` names. Default: a new
   * one for each start.
   */
  readonly runId?: string;
  /** What this start runs: operators (`reader`) or single replicas (`reader#2`). Needs `runId`. Default: everything. */
  readonly only?: readonly string[];
  /**
   * Deletes what earlier runs left, unread data too, before it starts; of starts with one run id the first does it. Default
   * false: goes on where they ended.
   */
  readonly fresh?: boolean;
  readonly services?: Services;
  /**
   * Backends beside the memory backend: as themselves, as modules that bind `CHANNEL_BACKEND`, or as URLs of files whose default
   * export is one of these. Operators in threads and processes need URLs.
   */
  readonly backends?: readonly BackendSource[];
  /** Options of connections, by location. Where one is not named, `defaults.ports.backend` counts, for the backend of `location`. */
  readonly connect?: Readonly<Record<string, unknown>>;
  /**
   * Which stages run. Default `Standard`. `WithoutResourceDeletion` keeps what a completed run had. `ResourceCreationOnly` and
   * `ResourceDeletionOnly` run no operator; the latter refuses to delete records that nobody has read, unless `fresh`. `Skip`
   * connects to nothing.
   */
  readonly mode?: ExecutionMode;
  /** How long a drain may take before the run stops at once, and after that a hook before it is given up. Default 20,000. */
  readonly grace?: number;
  /** Aborting it is like a first signal: the run drains. One that is aborted already lets nothing begin. */
  readonly signal?: AbortSignal;
  /** Whether SIGINT and SIGTERM end the run: the first drains, the second stops at once. Default true. */
  readonly handleSignals?: boolean;
  /** Default: warnings and errors to stderr. */
  readonly logger?: Logger;
  /** Options for every operator where `add` says nothing. */
  readonly defaults?: PipelineDefaults;
  readonly heartbeat?: HeartbeatOptions;
  /** Default: the machine's. */
  readonly clock?: Clock;
}
