import type { ChannelBackend } from '../channel/spi.js';
import { operatorMetadataOf, type PluginMetadata } from '../operator/index.js';
import type { PipelineDefaults, PipelineDefinition } from '../pipeline/index.js';
import { markTemplates, templatesOf } from '../pipeline/templates.js';
import { outputBackendOptions } from './backend-options.js';
import { splitBinding } from './binding.js';
import { layChannels, type Channels, type Ground } from './channels.js';
import { withCodecs } from './codecs.js';
import { checkCycles } from './cycles.js';
import { checkDelivery } from './delivery.js';
import type { OperatorDraft } from './draft.js';
import { checkDeadLetters, checkExternal, externalInputOptions } from './external.js';
import { orderMembers } from './levels.js';
import { Locations, type Place } from './locations.js';
import { isName, nameOperators } from './names.js';
import { resolveDefaults, resolveOptions } from './options.js';
import { parseParameters, type ParsedParameters } from './parameters.js';
import { checkPlacement, resolvePlacement } from './placements.js';
import type { ChannelPlan, InputPlan, OperatorPlan, OutputPlan, Plan } from './plan.js';
import { ProblemList, reasonOf } from './problem-list.js';
import { checkSchemas } from './schemas.js';
import { selectReplicas } from './selection.js';
import { checkStates } from './states.js';
import { planToJson } from './to-json.js';
import { planToMermaid } from './to-mermaid.js';
import { planToText } from './to-text.js';
import { wire, type Wiring } from './wiring.js';

/** What a plan is made against. */
export interface PlanOptions {
  /** The home location: where the pipeline's channels, positions, state and control are. */
  readonly location: string;
  /** Every backend that a location of the pipeline may name. */
  readonly backends: readonly ChannelBackend[];
  /** Schemes of backends that are loaded where a location names them: for what a problem suggests. */
  readonly schemes?: readonly string[] | undefined;
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
 * @internal
 */
export function createPlan(definition: PipelineDefinition, options: PlanOptions): Plan {
  const problems = new ProblemList();
  const { name: pipeline } = definition;
  const locations = new Locations(options.backends, options.schemes ?? [], problems);
  const home = resolveHome(options.location, locations, problems);
  const defaults = resolveDefaults(options.defaults, problems);
  const drafts = nameOperators(definition, problems).map((named): OperatorDraft => ({ ...named, members: withCodecs(named.members, named.where, problems), options: resolveOptions(named.node.options, named.members, defaults, named.where, problems) }));
  const wiring = wire(definition, drafts, problems);
  const ground = { wiring, home, locations, problems };
  const channels = layChannels(drafts, ground);
  const operators = drafts.map((draft) => planOperator(draft, channels, ground));

  for (const [index, draft] of drafts.entries()) {
    const operator = operators[index];
    if (operator === undefined) continue;
    checkPlacement(draft, operator, home, problems);
    checkDelivery(operator, draft.where, home, problems);
    checkStates(operator, draft.where, problems);
    checkInputs(draft, operator, wiring, problems);
  }
  checkCycles(operators, channels.all, pipeline || 'pipeline', problems);
  checkSchemas(channels.all, pipeline, problems);
  checkExternal(channels.all, pipeline, problems);
  checkWithBackend(home, channels.all, problems);
  const selected = selectReplicas(options.only, options.runId, operators, problems);

  const plan: Plan = {
    pipeline,
    location: home.location,
    capabilities: home.capabilities,
    operators,
    channels: channels.all,
    problems: problems.all(),
    selected,
    toText: () => planToText(plan),
    toJSON: () => planToJson(plan),
    toMermaid: () => planToMermaid(plan),
  };
  return plan;
}

/** The home location names a place and no channel in it. */
function resolveHome(given: unknown, locations: Locations, problems: ProblemList): Place {
  const where = 'location';
  if (typeof given !== 'string') return locations.resolve(given, where);
  const { location, keys } = splitBinding(given, where, problems);
  for (const key of keys) problems.error('MILLRACE_LOCATION_INVALID', where, `${key} belongs to external channels`, `remove ${key}; it goes with from() and to()`);
  const home = locations.resolve(location, where);
  if (home.channel !== undefined) problems.error('MILLRACE_LOCATION_INVALID', where, `the location names a channel, ${home.channel}; the channels of a pipeline are named after its ports`, `give the location alone: ${home.location}`);
  return home;
}

/** What the backend itself says of the channels to be. Names that are refused anyway are not asked about. */
function checkWithBackend(home: Place, channels: readonly ChannelPlan[], problems: ProblemList): void {
  const own = channels.filter((channel) => channel.external === undefined && channel.name.split('.').every(isName));
  try {
    for (const problem of home.backend?.check([...new Map(own.map((channel) => [channel.name, channel])).values()], home.location) ?? []) problems.add(problem);
  } catch (thrown) {
    problems.error('MILLRACE_LOCATION_INVALID', home.location, `the backend cannot check its channels: ${reasonOf(thrown)}`, 'correct the location, or report this to the author of the backend');
  }
}

/** What an input asks of its channel, and where its dead letters go. */
function checkInputs(draft: OperatorDraft, operator: OperatorPlan, wiring: Wiring, problems: ProblemList): void {
  for (const { name, sequential, channel, deadLetters } of operator.inputs) {
    if (sequential && channel.capabilities.bounded) problems.error('MILLRACE_CAPABILITY_MISSING', `${draft.where}.${name}.sequential`, `it begins after its writers are done, and they could not finish: ${channel.name} is bounded, and full before that`, 'leave sequential out, or use a location whose channels are not bounded, such as local: or kafka:');
    const source = { operator: draft, port: name, deadLetters: true };
    checkDeadLetters(draft, name, deadLetters, wiring.inputsOf(source).length + wiring.bindingsOf(source).length > 0, problems);
  }
}

/** Fields are written out: what is made by a spread may have a hidden class of its own, and replicas read these at each step. */
function planOperator(draft: OperatorDraft, channels: Channels, { home, locations, problems }: Ground): OperatorPlan {
  const { node, name, where, members, options } = draft;
  const parameters = parseParameters(node.type.parameters, node.parameters, { where, givenIn: 'add' }, problems);
  const inputs: InputPlan[] = [];
  const outputs: OutputPlan[] = [];
  for (const { name: port, codec } of members.ports.values()) {
    const input = options.inputs.get(port);
    const output = options.outputs.get(port);
    const channel = channels.read.get(draft)?.get(port);
    if (input !== undefined && channel !== undefined) {
      const { broadcast, onError, retries, backoff, onWriterDeath, openTimeout, syncOpen, sequential } = channel.external === undefined ? input.all : externalInputOptions(input, `${where}.${port}`, problems);
      const deadLetters = onError === 'deadLetter' ? channels.writtenBy({ operator: draft, port, deadLetters: true }) : [];
      inputs.push({ name: port, codec, channel, deadLetters, broadcast, onError, retries, backoff, onWriterDeath, openTimeout, syncOpen, sequential, backend: channel.backend });
    }
    if (output !== undefined) {
      const written = channels.writtenBy({ operator: draft, port, deadLetters: false });
      const { partitioner, validate, openTimeout } = output.all;
      outputs.push({ name: port, codec, channels: written, partitioner, validate, openTimeout, backend: outputBackendOptions(output, written, `${where}.${port}.backend`, home, locations, problems) });
    }
  }
  const { replicas, tick, idle, delivery, commitInterval, maxStepBytes, stepTimeout } = options.operator;
  const { placement, children, restart } = resolvePlacement(name, options);
  return {
    name,
    type: node.type,
    module: operatorMetadataOf(node.type)?.module,
    parameters: markTemplates(parameters.values, templatesOf(node.parameters)),
    replicas,
    placement,
    children,
    restart,
    tick,
    idle,
    delivery,
    commitInterval,
    maxStepBytes,
    stepTimeout,
    inputs,
    outputs,
    states: [...members.states.values()],
    plugins: [...members.plugins.values()].map((plugin) => ({ ...plugin, values: pluginValues(plugin, parameters, where, problems) })),
    levels: orderMembers(members, where, problems),
  };
}

/** A plugin's parameters, which may be made from the operator's; where those do not hold, nothing can be said of them. */
function pluginValues({ name, type, parameters }: PluginMetadata, operator: ParsedParameters, where: string, problems: ProblemList): object {
  if (!operator.valid) return {};
  const at = `${where}.${name}`;
  let given: unknown;
  try {
    given = parameters(operator.values);
  } catch (thrown) {
    problems.error('MILLRACE_PARAMETER_INVALID', at, `the function that makes its parameters threw: ${reasonOf(thrown)}`, 'correct the function in @plugin');
    return {};
  }
  return parseParameters(type.parameters, given, { where: at, givenIn: '@plugin' }, problems).values;
}
