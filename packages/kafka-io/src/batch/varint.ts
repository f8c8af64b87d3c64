/**
 * Zig-zag varints, as in a record batch: 7 bits a byte, the lowest first.
 *
 * @see https://kafka.apache.org/protocol#protocol_types (VARINT, VARLONG)
 */

const TWO_32 = 0x1_0000_0000;

/** Bytes that a length or count, or -1, takes. */
export function sizeOfVarint(value: number): number {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0;
  if (zigzag < 0x80) return 1;
  if (zigzag < 0x4000) return 2;
  if (zigzag < 0x20_0000) return 3;
  return zigzag < 0x1000_0000 ? 4 : 5;
}

/** Writes a 32-bit number and gives the position after it. */
export function writeVarint(buffer: Uint8Array, value: number, position: number): number {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  while (rest > 0x7f) {
    buffer[position++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  buffer[position++] = rest;
  return position;
}

/** Bytes that a whole number of up to 2^53 takes. */
export function sizeOfVarlong(value: number): number {
  // -n is written as the odd number before 2n, so it is as long as n - 1.
  let rest = value < 0 ? -value - 1 : value;
  let size = 1;
  for (rest = Math.floor(rest / 0x40); rest > 0; rest = Math.floor(rest / 0x80)) size++;
  return size;
}

/** Writes a whole number of up to 2^53 and gives the position after it. */
export function writeVarlong(buffer: Uint8Array, value: number, position: number): number {
  const high = Math.floor(value / TWO_32);
  const low = value - high * TWO_32;
  const sign = high >> 31;
  let lower = ((low << 1) ^ sign) >>> 0;
  let upper = (((high << 1) | (low >>> 31)) ^ sign) >>> 0;
  while (upper !== 0 || lower > 0x7f) {
    buffer[position++] = (lower & 0x7f) | 0x80;
    lower = ((lower >>> 7) | (upper << 25)) >>> 0;
    upper >>>= 7;
  }
  buffer[position++] = lower;
  return position;
}

/** An array since a variable takes longer: V8 gives the numbers in one a tag, and looks at it. */
const end = new Int32Array(1);

/** The position after the number that {@link readVarint} or {@link readVarlong} read last. */
export function varintEnd(): number {
  return end[0]!;
}

/**
 * Reads a 32-bit number. One that does not end within five bytes, or not within the buffer, gives NaN, which no check of a
 * length lets pass.
 */
export function readVarint(buffer: Uint8Array, position: number): number {
  // Nearly all numbers take a byte or two; past the end of the buffer they are undefined, which is not below anything.
  const first = buffer[position] as number;
  if (first < 0x80) {
    end[0] = position + 1;
    return (first >>> 1) ^ -(first & 1);
  }
  const second = buffer[position + 1] as number;
  if (second < 0x80) {
    end[0] = position + 2;
    return (((first & 0x7f) | (second << 7)) >>> 1) ^ -(first & 1);
  }
  return readLongVarint(buffer, position);
}

/** Apart, so that what is short can be inlined. */
function readLongVarint(buffer: Uint8Array, position: number): number {
  let zigzag = 0;
  end[0] = position;
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = buffer[position++];
    if (byte === undefined || (shift === 28 && byte > 0x0f)) return NaN;
    zigzag |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      end[0] = position;
      return (zigzag >>> 1) ^ -(zigzag & 1);
    }
  }
  return NaN;
}

/** Reads a 64-bit number; exact up to 2^53. NaN as with {@link readVarint}. */
export function readVarlong(buffer: Uint8Array, position: number): number {
  const first = buffer[position] as number;
  if (first < 0x80) {
    end[0] = position + 1;
    return (first >>> 1) ^ -(first & 1);
  }
  return readLongVarlong(buffer, position);
}

function readLongVarlong(buffer: Uint8Array, position: number): number {
  let low = 0;
  let high = 0;
  for (let shift = 0; shift < 70; shift += 7) {
    const byte = buffer[position++];
    if (byte === undefined || (shift === 63 && byte > 0x01)) return NaN;
    const bits = byte & 0x7f;
    if (shift < 32) low |= bits << shift;
    if (shift === 28) high |= bits >>> 4;
    else if (shift > 28) high |= bits << (shift - 32);
    if (byte < 0x80) {
      end[0] = position;
      const sign = -(low & 1);
      const lower = (((low >>> 1) | (high << 31)) ^ sign) >>> 0;
      return ((high >>> 1) ^ sign) * TWO_32 + lower;
    }
  }
  return NaN;
}
