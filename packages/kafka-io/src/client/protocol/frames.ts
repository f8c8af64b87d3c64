import { Buffer } from 'node:buffer';

/** Answers above this are taken for something else than Kafka: what HTTP or TLS say first reads as a larger size. */
const LARGEST = 256 * 1024 * 1024;

/**
 * Cuts the stream of a connection into answers, each in a buffer of its own: every byte is copied once, however many chunks an answer
 * comes in, and what is kept of an answer holds nothing else in memory.
 */
export class Frames {
  private readonly header = Buffer.allocUnsafe(4);
  private headerLength = 0;
  private frame: Buffer | undefined;
  private frameLength = 0;

  constructor(private readonly onFrame: (frame: Buffer) => void) {}

  /** @throws RangeError where the sizes are not Kafka's; then nothing more can be read. */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.frame === undefined) {
        while (this.headerLength < 4 && at < chunk.length) this.header[this.headerLength++] = chunk[at++] ?? 0;
        if (this.headerLength < 4) return;
        const size = this.header.readInt32BE(0);
        if (size < 4 || size > LARGEST) throw new RangeError(explain(this.header, size));
        this.frame = size < 4096 ? Buffer.allocUnsafe(size) : Buffer.allocUnsafeSlow(size);
        this.frameLength = 0;
      }
      const frame = this.frame;
      const copied = chunk.copy(frame, this.frameLength, at);
      at += copied;
      this.frameLength += copied;
      if (this.frameLength === frame.length) {
        this.frame = undefined;
        this.headerLength = 0;
        this.onFrame(frame);
      }
    }
  }
}

function explain(header: Buffer, size: number): string {
  if (header[0] === 0x15 && header[1] === 0x03) return 'the answer is a TLS alert: the listener speaks TLS (kafkas://)';
  if (header.toString('latin1') === 'HTTP') return 'the answer is HTTP';
  return `an answer of ${size} bytes is announced`;
}
