/** Tells on stderr what is being done and how long all of it will still take. */
export class Progress {
  readonly #total: number;
  readonly #from = performance.now();
  #done = 0;

  /** `total`: seconds that all steps are expected to take. */
  constructor(total: number) {
    this.#total = total;
  }

  /** A step begins that is expected to take that many seconds. */
  step(what: string, seconds: number): void {
    const elapsed = (performance.now() - this.#from) / 1000;
    const pace = this.#done > 20 ? elapsed / this.#done : 1;
    const left = Math.max(0, (this.#total - this.#done) * pace);
    const share = Math.min(99, Math.floor((100 * this.#done) / this.#total));
    const time = left > 90 ? `${Math.round(left / 60)} min` : `${Math.round(left)} s`;
    process.stderr.write(`${String(share).padStart(3)} %  ${time.padStart(6)} left  ${what}\n`);
    this.#done += seconds;
  }
}
