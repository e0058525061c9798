/**
 * What this machine refuses before anything reaches the server: no file handle (EMFILE, ENFILE), no local port
 * (EADDRNOTAVAIL), no memory for a socket (ENOBUFS, ENOMEM), no other resource of the system (EAGAIN).
 */
const CODES: ReadonlySet<unknown> = new Set([
  "EMFILE",
  "ENFILE",
  "EADDRNOTAVAIL",
  "ENOBUFS",
  "ENOMEM",
  "EAGAIN",
]);

/** Whether it was the generator's own machine that failed, and not the server or the way to it. */
export function isClientLimit(error: unknown): boolean {
  // A name with several addresses has an error for each; that IPv6 is switched off here says nothing of the others.
  if (error instanceof AggregateError && error.errors.length > 0) {
    const limits = error.errors.filter(isClientLimit);
    return limits.length === error.errors.length || limits.some((one) => !isWithoutIPv6(one));
  }
  return error instanceof Error && CODES.has((error as NodeJS.ErrnoException).code);
}

function isWithoutIPv6(error: NodeJS.ErrnoException & { readonly address?: string }): boolean {
  return error.code === "EADDRNOTAVAIL" && error.address?.includes(":") === true;
}
