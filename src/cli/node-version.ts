/** What the packages that a load test needs ask for; package.json and the README name it too. */
export const OLDEST_NODE = "22.19";

/** What to say where Node is older, and what is loaded next would end in an error of its own. */
export function tooOldNode(version: string): string | undefined {
  const [major = 0, minor = 0] = numbers(version);
  const [neededMajor = 0, neededMinor = 0] = numbers(OLDEST_NODE);
  if (major > neededMajor || (major === neededMajor && minor >= neededMinor)) return undefined;
  return `goodput needs Node ${OLDEST_NODE} or later, and this is Node ${version}.`;
}

function numbers(version: string): readonly number[] {
  return version.split(".").map(Number);
}
