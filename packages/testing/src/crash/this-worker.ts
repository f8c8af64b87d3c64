/** What the operators of a crash test share with the process that they run in. */
export class ThisWorker {
  isFinishing = false;
  #launch = 0;
  #lives = 0;
  #missing = 0;
  #onReady: () => void = () => undefined;

  /**
   * @param launch numbers the processes of a test
   * @param replicas how many run here
   * @param onReady called once all of them have begun
   */
  begin(launch: number, replicas: number, onReady: () => void): void {
    this.#launch = launch;
    this.#missing = replicas;
    this.#onReady = onReady;
  }

  /** A number that no other life of any source has: a replica may begin several times in a process. */
  nextLife(): number {
    return this.#launch * 1_000 + this.#lives++;
  }

  initialized(): void {
    if (--this.#missing === 0) this.#onReady();
  }
}

export const thisWorker = new ThisWorker();
