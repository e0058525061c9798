/** Does jobs in the order they came, no more than `concurrency` at a time. */
export interface RunQueue {
  /** Resolves with true once the job is done, with false when it was taken out before it began. */
  add(name: string, job: () => Promise<void>): Promise<boolean>;
  /** False when it has begun already, or never was there. */
  takeOut(name: string): boolean;
}

interface Waiting {
  readonly name: string;
  readonly begin: () => void;
  readonly takenOut: () => void;
}

export function createRunQueue(concurrency: number): RunQueue {
  const waiting: Waiting[] = [];
  let running = 0;
  const next = () => {
    if (running >= concurrency) return;
    const first = waiting.shift();
    if (first === undefined) return;
    running++;
    first.begin();
  };
  return {
    add(name, job) {
      return new Promise((resolve, reject) => {
        const begin = () => {
          job()
            .then(() => resolve(true), reject)
            .finally(() => {
              running--;
              next();
            });
        };
        waiting.push({ name, begin, takenOut: () => resolve(false) });
        next();
      });
    },
    takeOut(name) {
      const index = waiting.findIndex((one) => one.name === name);
      if (index === -1) return false;
      const [one] = waiting.splice(index, 1);
      one!.takenOut();
      return true;
    },
  };
}
