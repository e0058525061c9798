/** What this machine's clock is ahead of the database's, from questions and answers: the quickest answer tells best. */
export class DatabaseTime {
  #quickestMs = Number.POSITIVE_INFINITY;
  #aheadMs = 0;

  /** The database said `databaseMs` some time between the two moments of this machine. */
  heard(askedMs: number, answeredMs: number, databaseMs: number): void {
    const tookMs = answeredMs - askedMs;
    if (tookMs < 0 || tookMs >= this.#quickestMs) return;
    this.#quickestMs = tookMs;
    this.#aheadMs = (askedMs + answeredMs) / 2 - databaseMs;
  }

  /** A moment of the database's as this machine's clock has it. */
  here(databaseMs: number): number {
    return databaseMs + this.#aheadMs;
  }
}
