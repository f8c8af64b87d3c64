import { MillraceError } from '../error/index.js';
import type { Codec } from './codec.js';

/**
 * A record whose fields are read when they are asked for. It cannot be changed; {@link LazyRecord.with} makes another one.
 *
 * It keeps alive what it came in, which may be a whole answer of a broker: keep what you need of it, rather than many of them for long.
 */
export interface LazyRecord<in out T> {
  /**
   * The value of a field, read anew each time where it is more than a small number: keep it where you need it twice.
   * @throws MillraceError `MILLRACE_FIELD_UNDECODABLE` for bytes that are no such value
   */
  get<K extends keyof T & string>(field: K): T[K];
  /**
   * The same record with other values of some fields. The object and its values are the record's afterwards: give a new one each time, and
   * do not change it.
   * @throws MillraceError `MILLRACE_VALUE_INVALID` for a value that breaks the schema
   */
  with(changes: Partial<T>): LazyRecord<T>;
  /** The record as an ordinary codec would have read it, made anew. @throws MillraceError `MILLRACE_FIELD_UNDECODABLE` */
  toObject(): T;
}

/** Made by {@link lazy}. */
export interface LazyCodec<in out T> extends Codec<LazyRecord<T>> {
  /** A record of a value, to send it where lazy ones go. @throws MillraceError `MILLRACE_VALUE_INVALID` */
  of(value: T): LazyRecord<T>;
}

/** What a port of lazy records carries: what whole ones would be, since the bytes are the same. */
export type WholeOf<T> = 0 extends 1 & T ? T : [T] extends [LazyRecord<infer W>] ? W : T;

/** The member by which a codec of records tells its lazy form; the same in every copy of the package. */
export const LAZY_FORM = Symbol.for('@millrace/codec/lazy-form');

/**
 * The same records on the wire, read field by field as they are asked for. For operators that need few fields of a record, or
 * pass it on with few of them changed: what nobody asks for is neither decoded nor encoded, but its bytes are passed on.
 *
 * ```ts
 * const LazyOrder = lazy(Order);
 *
 * class Reprice extends Operator {
 *   @input(LazyOrder) declare readonly orders: InputPort<LazyRecord<Order>>;
 *   @output(LazyOrder) declare readonly repriced: OutputPort<LazyRecord<Order>>;
 *
 *   override async onRunning(): Promise<void> {
 *     await this.repriced.send(this.orders.retrieve().map((order) => order.with({ price: order.get('price') * 2 })));
 *   }
 * }
 * ```
 *
 * A port of lazy records connects to ports of the codec itself, either way. It pays where channels carry bytes (`kafka:`,
 * `local:`, `memory:?wire`); between two ports in memory records go by reference only where both have the same codec, so a lazy
 * end beside another one costs an encoding.
 *
 * That a record holds together is checked when it comes in: the bounds of each field, and numbers. What is wrong within a text,
 * a list or a record shows when it is asked for, and counts as a failure of the step that asks: read what you need in the step that
 * retrieves the record, or the policy of the port blames another one. Records that were written with another schema are read whole.
 *
 * Asked again for the same codec, gives the same one.
 *
 * @param codec what `avro()` gave for an object
 * @throws MillraceError `MILLRACE_SCHEMA_UNMAPPABLE` for a codec of anything else
 */
export function lazy<T extends object>(codec: Codec<T>): LazyCodec<T> {
  if (LAZY_FORM in codec) return (codec as { [LAZY_FORM](): LazyCodec<T> })[LAZY_FORM]();
  throw notLazy(codec.format === 'avro' ? 'a lazy one' : `a codec of the format ${codec.format}`);
}

/** The error for what has no fields to be read one by one. */
export function notLazy(what: string): MillraceError {
  return new MillraceError('MILLRACE_SCHEMA_UNMAPPABLE', `lazy() takes a codec that avro() made for an object, not ${what}`);
}
