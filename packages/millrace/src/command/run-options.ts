import { fileURLToPath, pathToFileURL } from 'node:url';
import { resolve } from 'node:path';
import type { ExecutionMode, Pipeline, PipelineDefaults } from '@millrace/core';
import type { OrchestrateOptions } from '@millrace/orchestrator';
import { loadPipelineOf } from './load/pipeline.js';
import { readTypeScript } from './load/typescript.js';
import { adjusted, objectOf, settingOf } from './settings.js';

/** Flags of every command that plans a pipeline. */
export interface PipelineFlags {
  readonly location?: string;
  readonly name?: string;
  readonly services?: string;
  readonly backend?: readonly string[];
  readonly set?: readonly string[];
  readonly option?: readonly string[];
  readonly default?: readonly string[];
  readonly var?: readonly string[];
  readonly only?: readonly string[];
  readonly runId?: string;
  readonly verbose?: boolean;
}

/** Flags of those that run one. */
export interface RunFlags extends PipelineFlags {
  readonly fresh?: boolean;
  readonly mode?: ExecutionMode;
  readonly grace?: number;
}

/** A pipeline as a command is to run or plan it. */
export interface Prepared {
  readonly pipeline: Pipeline;
  readonly options: OrchestrateOptions;
}

/** Loads the pipeline that a command names, and turns flags into options. @throws MillraceError */
export async function prepare(target: string, flags: RunFlags): Promise<Prepared> {
  const { name, set = [], option = [], services, backend = [], runId, only, fresh, mode, grace } = flags;
  const variables = flags.var === undefined ? undefined : Object.fromEntries(flags.var.map((given) => settingOf('--var', given)).map(({ path, text }) => [path.join('.'), text]));
  const loaded = await loadPipelineOf(target, { name, variables });
  const defaults = objectOf((flags.default ?? []).map((given) => settingOf('--default', given)), loaded.defaults) as PipelineDefaults;
  const servicesModule = services === undefined ? loaded.services : pathToFileURL(resolve(services));
  if (servicesModule !== undefined) await readTypeScript(fileURLToPath(servicesModule));
  return {
    pipeline: adjusted(loaded.pipeline, set.map((given) => settingOf('--set', given)), option.map((given) => settingOf('--option', given))),
    options: {
      location: flags.location ?? loaded.location ?? 'memory:',
      backends: backend.map((file) => pathToFileURL(resolve(file))),
      defaults,
      ...(servicesModule === undefined ? {} : { services: servicesModule }),
      ...(runId === undefined ? {} : { runId }),
      ...(only === undefined ? {} : { only }),
      ...(fresh === undefined ? {} : { fresh }),
      ...(mode === undefined ? {} : { mode }),
      ...(grace === undefined ? {} : { grace }),
    },
  };
}
