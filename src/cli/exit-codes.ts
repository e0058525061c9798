import type { Conclusion } from "../index.ts";

/** What the process ends with, so that a script can tell the cases apart. */
export const EXIT_CODES: Readonly<Record<Conclusion, number>> = {
  met: 0,
  measured: 0,
  error: 1,
  config: 2,
  violated: 3,
  regressed: 3,
  inconclusive: 4,
  invalid: 4,
  unreachable: 5,
  cancelled: 130,
};

export const EXIT_CODES_HELP = `
Exit codes:
  0  every objective met, or none given
  1  internal error, or a file could not be written
  2  bad usage or configuration
  3  an objective is violated, or worse than the baseline
  4  inconclusive, or the run may not be believed
  5  the target cannot be reached
  130  interrupted`;
