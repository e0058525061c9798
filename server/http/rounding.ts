/** For figures people read: more digits than were measured only pretend. */
export function rounded(value: number, decimals: number): number {
  return Math.round(value * 10 ** decimals) / 10 ** decimals;
}

/** Memory as the fields named `…_gb` give it: a card sold as 16 GB reads 16.0, which is how its maker counts. */
export function gibibytes(bytes: number): number {
  return rounded(bytes / 1024 ** 3, 3);
}
