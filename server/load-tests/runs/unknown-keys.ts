import { closest, distance } from "fastest-levenshtein";

/** A sentence for each key that is not among the names: ignored in silence it would be a trap. */
export function unknownKeys(value: unknown, names: readonly string[], prefix = ""): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.keys(value)
    .filter((key) => !names.includes(key))
    .map((key) => {
      const near = closest(key, [...names]);
      const advice = distance(key, near) <= 3 ? `; did you mean ${prefix}${near}?` : ".";
      return `${prefix}${key.slice(0, 100)} is not known and was ignored${advice}`;
    });
}
