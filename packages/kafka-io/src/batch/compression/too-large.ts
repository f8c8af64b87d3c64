/** The error for more output than may be. */
export function tooLarge(maxBytes: number): Error {
  return new Error(`it unpacks to more than the ${maxBytes} bytes that are allowed; raise that limit if such batches are meant to be`);
}
