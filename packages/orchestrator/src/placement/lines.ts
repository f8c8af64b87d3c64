/** Cuts what a stream gives into lines. One that is long or never ends is cut, so that nothing grows without bound. */
export class Lines {
  #rest = '';

  constructor(private readonly take: (line: string) => void) {}

  add(text: string): void {
    const lines = (this.#rest + text).split(/\r?\n/);
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.take(line);
    if (this.#rest.length > LONGEST) this.end();
  }

  /** The stream is over: the last line may lack its end. */
  end(): void {
    if (this.#rest !== '') this.take(this.#rest);
    this.#rest = '';
  }
}

const LONGEST = 64 * 1024;
