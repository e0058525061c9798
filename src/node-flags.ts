/**
 * With what a process that measures is to be started; none of it can be said later. Node gives V8 four threads on any
 * machine, and 0 lets it ask how many cores there are: more threads than those take turns with the program while garbage
 * is collected. A new generation of 4 MB instead of 16 is collected more often and each time for less long: what
 * hundreds of requests in flight hold is moved within a few milliseconds, and their first tokens are seen no later than
 * that (`npm run bench:timing`).
 */
export const MEASURING_FLAGS: readonly string[] = ["--v8-pool-size=0", "--max-semi-space-size=4"];

/** Systems without the call, where Node throws an error. */
const WITHOUT_EXEC: readonly string[] = ["win32", "os400"];

/**
 * Starts a process again, in its own place and with those of the flags that nobody has said to it. Returns where there
 * is nothing to say, and on systems that cannot: there the process measures as it is.
 */
export function beginAgain(self: NodeJS.Process): void {
  const said = [...self.execArgv, self.env.NODE_OPTIONS ?? ""].join(" ");
  const missing = MEASURING_FLAGS.filter((flag) => !said.includes(flag.split("=")[0]!));
  if (missing.length === 0 || WITHOUT_EXEC.includes(self.platform)) return;
  const args = [self.execPath, ...missing, ...self.execArgv, ...self.argv.slice(1)];
  self.execve?.(self.execPath, args, self.env);
}
