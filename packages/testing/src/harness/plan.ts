import { input, memoryBackend, Operator, operator, operatorMembersOf, operatorMetadataOf, output, Pipeline, PlanError, type AddOptions, type ChannelPlan, type Codec, type OperatorClass, type OperatorPlan, type Plan } from '@millrace/core';

/** Name of the pipeline that the operator under test believes to be in. */
export const PIPELINE = 'harness';

/** What a test asks of the plan. */
export interface PlanRequest {
  readonly parameters: unknown;
  readonly options: AddOptions;
  readonly partitions: Readonly<Record<string, number | undefined>>;
  readonly location: string;
}

interface AnyRef {
  readonly connect: (...outputs: readonly AnyRef[]) => void;
}

/**
 * The plan of a pipeline in which the operator stands alone: every input is fed by a stand-in, every output read by one. So its
 * parameters, options and channels are checked and resolved as in production.
 * @throws PlanError, MillraceError `MILLRACE_NOT_AN_OPERATOR`
 */
export function planAlone(type: OperatorClass, { parameters, options, partitions, location }: PlanRequest): { readonly plan: Plan; readonly operator: OperatorPlan } {
  const pipeline = new Pipeline(PIPELINE);
  const name = options.name ?? nameOf(type);
  const members = operatorMembersOf(type);
  const ports: Record<string, object> = { ...options.ports };
  for (const [port, { direction }] of members.ports) if (direction === 'input' && partitions[port] !== undefined) ports[port] = { ...ports[port], partitions: partitions[port] };
  const refs = pipeline.add(type, parameters as never, { ...options, name, ports }) as unknown as Readonly<Record<string, AnyRef>>;
  for (const [port, { direction, codec }] of members.ports) {
    const isInput = direction === 'input';
    const count = partitions[port];
    const standIn = pipeline.add(standInFor(isInput, codec), {}, { name: `${name}_${port}`, ...(isInput || count === undefined ? {} : { ports: { records: { partitions: count } } }) }) as unknown as Readonly<Record<string, AnyRef>>;
    if (isInput) refs[port]!.connect(standIn['records']!);
    else standIn['records']!.connect(refs[port]!);
  }
  const plan = pipeline.plan({ location, backends: [memoryBackend] });
  if (plan.problems.some(({ severity }) => severity === 'error')) throw new PlanError(PIPELINE, plan.problems);
  return { plan, operator: plan.operators.find((each) => each.name === name)! };
}

/** The channel of an output port. */
export function channelOf(operator: OperatorPlan, port: string): ChannelPlan | undefined {
  return operator.outputs.find(({ name }) => name === port)?.channels[0];
}

function nameOf(type: OperatorClass): string {
  const name = operatorMetadataOf(type)?.name ?? type.name;
  return /^[A-Za-z_][\w-]*$/.test(name) ? name : 'operator';
}

function standInFor(writes: boolean, codec: Codec<unknown>): OperatorClass {
  class StandIn extends Operator {
    override onRunning(): boolean {
      return true;
    }
  }
  (writes ? output(codec) : input(codec))(StandIn.prototype as never, 'records');
  operator()(StandIn);
  return StandIn;
}
