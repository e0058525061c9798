/** The upper one of an even number. */
export function median(values: readonly number[] | Float64Array): number {
  return Float64Array.from(values).sort()[Math.floor(values.length / 2)]!;
}
