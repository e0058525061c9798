import { readFileSync } from "node:fs";
import { observeTarget } from "../../src/observe/observe-target.ts";
import type { ServerSide } from "../../src/result.ts";
import { NS_PER_S } from "../../src/units.ts";
import { FakeClock } from "../support/fake-clock.ts";

export const page = (name: string) => readFileSync(`test/fixtures/metrics/${name}.prom`, "utf8");

/** An address's pages in the order in which they are read: before, during (one a second), after. An error is thrown. */
export type Pages = Readonly<Record<string, readonly (string | Error)[]>>;

export const URL_A = "http://a:8000/metrics";
export const URL_B = "http://b:8000/metrics";

/** What an observer says of a level during which these pages came. */
export async function observed(
  pages: Pages,
): Promise<{ server: ServerSide | undefined; problems: readonly string[] }> {
  const clock = new FakeClock();
  const read = new Map<string, number>();
  const observer = observeTarget(
    Object.keys(pages),
    async (url) => {
      const count = read.get(url) ?? 0;
      read.set(url, count + 1);
      const next = pages[url]?.[count];
      if (next === undefined) throw new Error(`no page ${count} of ${url}`);
      if (next instanceof Error) throw next;
      return next;
    },
    clock,
  );
  await observer.start();
  const seconds = Math.max(...Object.values(pages).map(({ length }) => length)) - 2;
  await clock.advanceTo(seconds * NS_PER_S + NS_PER_S / 2);
  return { server: await observer.stop(), problems: observer.problems };
}
