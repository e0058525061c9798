import { createHash } from "node:crypto";

/**
 * What an instance is found by. Its id may be of any length and hold any character, and neither database's
 * indexes take that; two ids that differ in what cannot be stored still are two. The id itself is in the JSON.
 */
export function instanceKey(instanceId: string): string {
  // As JSON, halves of surrogate pairs are escapes and not all the same.
  return createHash("sha256").update(JSON.stringify(instanceId)).digest("base64url");
}
