import { mkdir, open, readdir, rm, stat, truncate, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { RecordBatch, Retention } from '@millrace/core';
import type { Change } from './catalog.js';
import { readAt, storageFailed, syncFolder, writeAt } from './files.js';
import { countOf, frameAt, FRAME_HEADER, FrameBatch, isWhole, sealFrame } from './frame.js';

/** Bytes that are read at once; a larger frame is read whole. */
const CHUNK_BYTES = 256 * 1024;

/** A file of frames, the first of which has this offset. */
interface Segment {
  readonly first: number;
  bytes: number;
  /** When something was last written into it, epoch ms. */
  written: number;
}

/** A reader's place, as its partition sees it. */
export interface Listener {
  /** More records are there. */
  more(): void;
  wake(): void;
}

/** Where to read on: an offset, and where its frame begins, if that is known. */
export interface Place {
  readonly offset: number;
  readonly segment?: number;
  readonly position?: number;
}

/** The records of a partition: segment files, appended to at their end and deleted from their beginning. */
export class Partition {
  /** The first offset that is there, and the one after the last that is committed. */
  start = 0;
  end = 0;
  readonly cursors = new Set<Listener>();
  #segments: Segment[] = [];
  /** The offset of the next frame, which may be ahead of what is committed. */
  #tail = 0;
  /** Frames that the next {@link write} stores. */
  #frames: Buffer[] = [];
  #file: FileHandle | undefined;

  constructor(
    private readonly path: string,
    readonly index: number,
  ) {}

  /** Gives a frame its offset. @returns the offset after it */
  append(frame: Buffer): number {
    sealFrame(frame, this.#tail);
    this.#frames.push(frame);
    return (this.#tail += countOf(frame));
  }

  /** Stores what was appended, on the disk when it resolves. {@link publish} shows it to readers. */
  async write(segmentBytes: number): Promise<void> {
    const [first] = this.#frames;
    if (first === undefined) return;
    let segment = this.#segments.at(-1);
    if (segment === undefined || segment.bytes >= segmentBytes) {
      segment = { first: first.readDoubleLE(8), bytes: 0, written: 0 };
      await this.#begin(segment);
    }
    this.#file ??= await open(this.#pathOf(segment.first), 'r+');
    const bytes = Buffer.concat(this.#frames);
    await writeAt(this.#file, segment.bytes, bytes);
    await this.#file.datasync();
    segment.bytes += bytes.byteLength;
    segment.written = Date.now();
    this.#frames = [];
  }

  publish(): void {
    this.end = this.#tail;
    for (const cursor of [...this.cursors]) cursor.more();
  }

  /** Where it starts and ends: what {@link recover} needs to know. */
  *changes(channel: string): Iterable<Change> {
    const last = this.#segments.at(-1);
    if (this.start > 0) yield { do: 'start', channel, partition: this.index, start: this.start };
    if (last !== undefined) yield { do: 'end', channel, partition: this.index, end: this.#tail, segment: last.first, bytes: last.bytes };
  }

  /** Takes over where it ended: {@link recover} finds the segments before. */
  ended(end: number, segment: number, bytes: number): void {
    this.end = this.#tail = end;
    this.#segments = [{ first: segment, bytes, written: 0 }];
  }

  /** Brings the files to what was committed: what a crash left over goes. @throws MillraceError `MILLRACE_STORAGE_FAILED` where something is missing */
  async recover(): Promise<void> {
    const last = this.#segments.at(-1);
    const firsts = (await readdir(this.path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    })).map((name) => Number(name.replace(/\.log$/, ''))).sort((a, b) => a - b);
    const kept: Segment[] = [];
    for (const [i, first] of firsts.entries()) {
      const path = this.#pathOf(first);
      if (last === undefined || first > last.first || (firsts[i + 1] ?? Infinity) <= this.start) {
        await rm(path);
        continue;
      }
      const { size, mtimeMs } = await stat(path);
      if (first === last.first && size > last.bytes) await truncate(path, last.bytes);
      kept.push({ first, bytes: first === last.first ? Math.min(size, last.bytes) : size, written: mtimeMs });
    }
    const found = kept.at(-1);
    if (last !== undefined && (found?.first !== last.first || found.bytes !== last.bytes)) throw storageFailed(`${this.#pathOf(last.first)} is not there, or shorter than the ${last.bytes} bytes that were committed; restore the folder from a copy`);
    this.#segments = kept;
  }

  /** Lets go of whole segments before an offset, never of the last. @returns their files, which are for the caller to remove */
  expire(consumed: number, { records, bytes, ms }: Retention): readonly string[] {
    const without = records === undefined && bytes === undefined && ms === undefined;
    const paths: string[] = [];
    for (let [segment, next] = this.#segments; segment !== undefined && next !== undefined && next.first <= consumed; [segment, next] = this.#segments) {
      const left = this.#segments.reduce((sum, each) => sum + each.bytes, -segment.bytes);
      const expired = without || next.first <= consumed - (records ?? Infinity) || left >= (bytes ?? Infinity) || (ms !== undefined && segment.written < Date.now() - ms);
      if (!expired) break;
      this.#segments.shift();
      this.start = next.first;
      paths.push(this.#pathOf(segment.first));
    }
    return paths;
  }

  /**
   * Reads on from a place: committed records only, and some where there are any.
   * @throws MillraceError `MILLRACE_STORAGE_FAILED` where what is stored is damaged
   */
  async read(place: Place): Promise<{ readonly batches: readonly RecordBatch[]; readonly place: Place }> {
    const offset = Math.max(place.offset, this.start);
    const known = this.#segments.find(({ first }) => first === place.segment);
    let segment = known ?? this.#segments.findLast(({ first }) => first <= offset);
    if (offset >= this.end) return { batches: [], place: { offset } };
    if (segment === undefined) throw this.#missing(offset);
    let position = known === undefined ? 0 : (place.position ?? 0);
    let file: FileHandle | undefined;
    try {
      for (let length = CHUNK_BYTES; ;) {
        if (position >= segment.bytes) {
          segment = this.#segments[this.#segments.indexOf(segment) + 1];
          if (segment === undefined) throw this.#missing(offset);
          await file?.close();
          [file, position] = [undefined, 0];
        }
        file ??= await open(this.#pathOf(segment.first), 'r');
        // As of before the read: what is written meanwhile may be in the chunk in part.
        const { end } = this;
        const left = segment.bytes - position;
        const { batches, used, needed } = this.#framesOf(await readAt(file, position, Math.min(length, left)), { offset, end, left });
        position += used;
        const next = batches.at(-1)?.next;
        if (next !== undefined) return { batches, place: { offset: next, segment: segment.first, position } };
        length = Math.max(CHUNK_BYTES, needed);
      }
    } catch (error) {
      // Every group has committed past it meanwhile, and it was deleted.
      if (this.start > offset) return await this.read({ offset });
      throw error;
    } finally {
      await file?.close();
    }
  }

  /** Offset of the first record at or after a time in epoch ms; the end where there is none. Reads all before it. */
  async offsetAt(time: number): Promise<number> {
    for (let place: Place = { offset: this.start }; place.offset < this.end;) {
      const read = await this.read(place);
      for (const batch of read.batches) for (let i = 0; i < batch.count; i++) if (batch.timestamp(i) >= time) return batch.offset(i);
      place = read.place;
    }
    return this.end;
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  async #begin(segment: Segment): Promise<void> {
    await this.close();
    if (this.#segments.length === 0) {
      await mkdir(this.path, { recursive: true });
      for (const folder of [join(this.path, '..', '..'), join(this.path, '..')]) await syncFolder(folder);
    }
    this.#file = await open(this.#pathOf(segment.first), 'w+');
    await syncFolder(this.path);
    this.#segments.push(segment);
  }

  /** The whole frames of a chunk from an offset on, up to what is committed; how much of it they take, and what the next one would. */
  #framesOf(chunk: Buffer, { offset, end, left }: { readonly offset: number; readonly end: number; readonly left: number }): { readonly batches: RecordBatch[]; readonly used: number; readonly needed: number } {
    const batches: RecordBatch[] = [];
    let used = 0;
    while (used + FRAME_HEADER <= chunk.byteLength && (batches.at(-1)?.next ?? offset) < end) {
      const { length, first, next } = frameAt(chunk, used);
      if (length < FRAME_HEADER || used + length > left) throw this.#damaged(offset);
      if (first > (batches.at(-1)?.next ?? offset)) throw this.#missing(offset);
      if (used + length > chunk.byteLength) return { batches, used, needed: length };
      const frame = chunk.subarray(used, used + length);
      if (next > offset) {
        if (!isWhole(frame)) throw this.#damaged(offset);
        batches.push(new FrameBatch(frame, this.index, offset));
      }
      used += length;
    }
    if (used === 0 && chunk.byteLength < FRAME_HEADER) throw this.#damaged(offset);
    return { batches, used, needed: 0 };
  }

  #missing(offset: number): Error {
    return storageFailed(`the record of offset ${offset} or one after it is not in ${this.path}, although it was committed; restore the folder from a copy`);
  }

  #damaged(offset: number): Error {
    return storageFailed(`the frame of offset ${offset} or one before it in ${this.path} is damaged; restore the folder from a copy`);
  }

  #pathOf(first: number): string {
    return join(this.path, `${String(first).padStart(16, '0')}.log`);
  }
}
