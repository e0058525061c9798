import type { Clock } from "../clock.ts";
import type { ServerSide } from "../result.ts";
import { NS_PER_S } from "../units.ts";
import { type Gauges, Replica } from "./replica.ts";
import { type Highest, serverSide } from "./server-side.ts";

/** Reads the target's metrics pages beside a level's load; what goes wrong is a reason, never an exception. */
export interface Observer {
  /** Reads every page once, then goes on reading beside the load until stopped. */
  start(): Promise<void>;
  /** Reads every page a last time. Undefined when no page could be read at all; `problems` then says why. */
  stop(): Promise<ServerSide | undefined>;
  /** What went wrong so far, each thing once. */
  readonly problems: readonly string[];
}

export type FetchText = (url: string, signal: AbortSignal) => Promise<string>;

const SAMPLE_EVERY_NS = NS_PER_S;
const MAX_REASON = 300;

/** Where engines serve their metrics unless told otherwise. */
export function metricsUrlOf(targetUrl: string): string {
  return `${new URL(targetUrl).origin}/metrics`;
}

/** @param urls One page per replica; pages of an exporter, such as DCGM's, may be among them. */
export function observeTarget(
  urls: readonly string[],
  fetchText: FetchText,
  clock: Clock,
  options: { readonly sampleEveryNs?: number } = {},
): Observer {
  return new Pages(urls, fetchText, clock, options.sampleEveryNs ?? SAMPLE_EVERY_NS);
}

type Moment = "before" | "during" | "after";

class Pages implements Observer {
  readonly #pages: readonly { readonly url: string; readonly replica: Replica; late: boolean }[];
  readonly #fetchText: FetchText;
  readonly #clock: Clock;
  readonly #everyNs: number;
  readonly #sampling = new AbortController();
  /** By page and moment the first one, so that a long run does not gather them without end. */
  readonly #problems = new Map<string, string>();
  #disarm = () => {};
  #highest: Highest = {};

  constructor(urls: readonly string[], fetchText: FetchText, clock: Clock, everyNs: number) {
    this.#pages = [...new Set(urls)].map((url) => ({ url, replica: new Replica(), late: false }));
    this.#fetchText = fetchText;
    this.#clock = clock;
    this.#everyNs = everyNs;
  }

  get problems(): readonly string[] {
    return [...new Set(this.#problems.values())];
  }

  async start(): Promise<void> {
    await this.#read("before", this.#sampling.signal);
    this.#armNext();
  }

  async stop(): Promise<ServerSide | undefined> {
    this.#disarm();
    // A reading still under way is given up: the last one is to be of now.
    this.#sampling.abort();
    await this.#read("after", new AbortController().signal);
    const read = this.#pages.filter(({ replica }) => replica.pages > 0);
    for (const { url, replica, late } of read) {
      if (late) this.#problem(url, "the level had begun when it was first read: counts lack what was before");
      if (replica.restarted)
        this.#problem(url, "a counter fell, as when a server restarts: it counts from 0 since then");
    }
    if (read.length === 0) return undefined;
    return serverSide(
      read.map(({ replica }) => replica),
      this.#highest,
      this.problems,
    );
  }

  /** From the end of one reading to the next: pages that are slow to come do not pile up. */
  #armNext(): void {
    if (this.#sampling.signal.aborted) return;
    this.#disarm = this.#clock.alarm(this.#clock.now() + this.#everyNs, () => {
      void this.#read("during", this.#sampling.signal).then(() => this.#armNext());
    });
  }

  async #read(moment: Moment, signal: AbortSignal): Promise<void> {
    const all = await Promise.all(
      this.#pages.map(async (page) => {
        try {
          const text = await this.#fetchText(page.url, signal);
          if (signal.aborted) return {};
          if (page.replica.pages === 0) page.late = moment !== "before";
          return page.replica.take(text);
        } catch (error) {
          if (!signal.aborted) this.#problem(page.url, moment, `${WHEN[moment]}: ${reasonOf(error)}`);
          return {};
        }
      }),
    );
    if (!signal.aborted) this.#keepHighest(all, moment);
  }

  #keepHighest(read: readonly Gauges[], moment: Moment): void {
    const engine = this.#pages.find(({ replica }) => replica.engine !== undefined)?.replica.engine;
    const all = read.map((gauges, index) =>
      this.#pages[index]?.replica.engine === engine ? gauges : onlyMemory(gauges),
    );
    const highest = (name: keyof Gauges, join: (values: readonly number[]) => number) => {
      const values = all.flatMap((gauges) => gauges[name] ?? []);
      const before = this.#highest[name];
      // Before and after the level nothing runs that is the level's; only memory does not go with the load.
      const counts = moment === "during" || name === "gpuMemoryBytes";
      const value = values.length === 0 || !counts ? before : Math.max(before ?? 0, join(values));
      return value === undefined ? {} : { [name]: value };
    };
    this.#highest = {
      ...highest("running", total),
      ...highest("waiting", total),
      ...highest("kvCacheUsage", (values) => Math.max(...values)),
      ...highest("gpuMemoryBytes", total),
    };
  }

  #problem(url: string, what: string, reason = what): void {
    const key = JSON.stringify([url, what]);
    if (!this.#problems.has(key)) this.#problems.set(key, `${withoutSecrets(url)}: ${reason}`);
  }
}

const WHEN = {
  before: "could not be read before the level",
  during: "could not be read while the level ran",
  after: "could not be read after the level",
} as const satisfies Record<Moment, string>;

/** Requests of another engine are not added up with the first one's. */
function onlyMemory({ gpuMemoryBytes }: Gauges): Gauges {
  return gpuMemoryBytes === undefined ? {} : { gpuMemoryBytes };
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  const line = text.replace(/\s+/g, " ").trim();
  return line.length <= MAX_REASON ? line : `${line.slice(0, MAX_REASON - 1).toWellFormed()}…`;
}

/** A URL may carry a password or a token; a reason ends up in reports. */
function withoutSecrets(url: string): string {
  if (!URL.canParse(url)) return "an address that is no URL";
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}
