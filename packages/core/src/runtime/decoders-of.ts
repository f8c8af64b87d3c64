import type { SchemaCatalog } from '../channel/schema-catalog.js';
import type { Clock } from '../clock/index.js';
import { jsonFormOf } from '../codec/index.js';
import { CONFLUENT, formatOf, SchemaRegistry, SINGLE_OBJECT } from '../external/index.js';
import type { InputPlan } from '../plan/plan.js';
import { Decoders, type BatchDecoders } from './decoders.js';
import { FramedDecoders } from './framed-decoders.js';

/** What reading a channel takes beside the plan. @internal */
export interface DecodersGround {
  readonly replica: string;
  readonly schemas: SchemaCatalog | undefined;
  readonly clock: Clock;
  readonly wake: () => void;
}

/** How a port reads its channel: by the codec of the port, or in the format of an external channel. @internal */
export function decodersOf({ name: port, codec, channel }: Pick<InputPlan, 'name' | 'codec' | 'channel'>, ground: DecodersGround): BatchDecoders {
  const { replica, schemas, clock, wake } = ground;
  const place = { replica, port, channel: channel.name, codec, clock };
  const format = channel.external === undefined ? undefined : formatOf(codec, channel.external.format);
  if (format === 'json' && codec.format !== 'json') return new Decoders({ ...place, schemas, bare: jsonFormOf(codec).decoder });
  const others = new Decoders({ ...place, schemas });
  if (format === 'confluent') {
    const registry = new SchemaRegistry(channel.external!.registry!);
    return new FramedDecoders({ ...place, framing: CONFLUENT, wake, others, schemas: { missing: 'which nobody has registered', find: (id) => registry.schema(id) } });
  }
  if (format !== 'avro') return others;
  const missing = 'which is not that of the port, and which neither this process nor the pipeline knows';
  return new FramedDecoders({ ...place, framing: SINGLE_OBJECT, wake, others, schemas: { missing, find: (name) => (name === codec.fingerprint ? codec : schemas?.get(name)) } });
}
