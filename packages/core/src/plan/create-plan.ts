import type { ChannelBackend } from '../channel/spi.js';
import type { PipelineDefaults, PipelineDefinition } from '../pipeline/index.js';
import { layChannels, type Channels } from './channels.js';
import type { OperatorDraft } from './draft.js';
import { orderMembers } from './levels.js';
import { Locations } from './locations.js';
import { nameOperators } from './names.js';
import { resolveDefaults, resolveOptions } from './options.js';
import { parseParameters } from './parameters.js';
import type { InputPlan, OperatorPlan, OutputPlan, Plan, PluginPlan } from './plan.js';
import { ProblemList, reasonOf } from './problem-list.js';
import { operatorMetadataOf } from '../operator/index.js';
import { selectReplicas } from './selection.js';
import { wire } from './wiring.js';

/** What a plan is made against. */
export interface PlanOptions {
  /** The home location: where the pipeline's channels, positions, state and control are. */
  readonly location: string;
  /** Every backend that a location of the pipeline may name. */
  readonly backends: readonly ChannelBackend[];
  /** For every operator and port, where `add` says nothing else. */
  readonly defaults?: PipelineDefaults | undefined;
  /** Replicas that this start runs, as `operator` or `operator#index`; needs a `runId`. Default: all. */
  readonly only?: readonly string[] | undefined;
  /** Shared by the starts that make up one run. */
  readonly runId?: string | undefined;
}

/**
 * Resolves a pipeline and checks it as a whole: names, parameters, options, connections, channels, placements, delivery,
 * schemas, state. Pure: connects to nothing, constructs no operator. Never throws over what is wrong with the pipeline; every
 * problem is in the plan, which is as complete as they allow.
 */
export function createPlan(definition: PipelineDefinition, options: PlanOptions): Plan {
  const problems = new ProblemList();
  const locations = new Locations(options.backends, problems);
  const home = locations.resolve(options.location, 'location');
  const defaults = resolveDefaults(options.defaults, problems);
  const drafts = nameOperators(definition, problems).map((named): OperatorDraft => ({ ...named, options: resolveOptions(named.node.options, named.members, defaults, named.where, problems) }));
  const channels = layChannels(drafts, { wiring: wire(definition, drafts, problems), home, locations, problems });
  const operators = drafts.map((draft) => planOperator(draft, channels, problems));
  const selected = selectReplicas(options.only, options.runId, operators, problems);
  return {
    pipeline: definition.name,
    location: home.location,
    capabilities: home.capabilities,
    operators,
    channels: channels.all,
    problems: problems.all(),
    selected,
    toText: () => '',
    toJSON: () => ({}),
    toMermaid: () => '',
  };
}

function planOperator(draft: OperatorDraft, channels: Channels, problems: ProblemList): OperatorPlan {
  const { node, name, where, members, options } = draft;
  const { values, valid } = parseParameters(node.type.parameters, node.parameters, { where, givenIn: 'add' }, problems);
  const inputs: InputPlan[] = [];
  const outputs: OutputPlan[] = [];
  for (const { name: port, codec } of members.ports.values()) {
    const input = options.inputs.get(port);
    const output = options.outputs.get(port);
    const channel = channels.read.get(draft)?.get(port);
    if (input !== undefined && channel !== undefined) {
      const { partitions: _partitions, backend, ...all } = input.all;
      inputs.push({ ...all, name: port, codec, channel, deadLetters: all.onError === 'deadLetter' ? channels.writtenBy({ operator: draft, port, deadLetters: true }) : [], backend });
    }
    if (output !== undefined) {
      const { backend, ...all } = output.all;
      outputs.push({ ...all, name: port, codec, channels: channels.writtenBy({ operator: draft, port, deadLetters: false }), backend });
    }
  }
  return {
    ...options.operator,
    name,
    type: node.type,
    module: operatorMetadataOf(node.type)?.module,
    parameters: values,
    tick: options.operator.tick,
    maxStepBytes: options.operator.maxStepBytes,
    inputs,
    outputs,
    states: [...members.states.values()],
    plugins: [...members.plugins.values()].map((plugin): PluginPlan => {
      if (!valid) return { ...plugin, values: {} };
      try {
        return { ...plugin, values: parseParameters(plugin.type.parameters, plugin.parameters(values), { where: `${where}.${plugin.name}`, givenIn: '@plugin' }, problems).values };
      } catch (thrown) {
        problems.error('MILLRACE_PARAMETER_INVALID', `${where}.${plugin.name}`, `the function that makes its parameters threw: ${reasonOf(thrown)}`, 'correct it in @plugin');
        return { ...plugin, values: {} };
      }
    }),
    levels: orderMembers(members, where, problems),
  };
}
