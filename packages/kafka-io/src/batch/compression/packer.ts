/** Packs and unpacks. A library that it needs is loaded at its first use. */
export interface Packer {
  readonly compress: (bytes: Buffer) => Buffer;
  /**
   * @throws Error for bytes that are no such thing, and for more than `maxBytes` of output, where a block that could hold more
   * than it does may count as full. That much memory it takes at most.
   */
  readonly decompress: (bytes: Buffer, maxBytes: number) => Buffer;
}

/** The error for more output than may be. */
export function tooLarge(maxBytes: number): Error {
  return new Error(`it unpacks to more than the ${maxBytes} bytes that are allowed; raise that limit if such batches are meant to be`);
}

/** Gives the error of Node's own `maxOutputLength` our words. */
export function bounded(maxBytes: number, decompress: () => Buffer): Buffer {
  try {
    return decompress();
  } catch (error) {
    if (error instanceof RangeError && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(maxBytes);
    throw error;
  }
}
