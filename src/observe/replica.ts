import {
  ENGINES,
  type Engine,
  engineOf,
  FIGURES,
  type Figure,
  GPU_MEMORY,
  HISTOGRAM_PARTS,
  isWanted,
  namesOf,
} from "./engines.ts";
import { addGrowths, type Growth } from "./histogram.ts";
import { readMetricsPage, type Sample } from "./metrics-page.ts";

type Part = "value" | "sum" | "count" | number;

/** Labels that change with every page would otherwise gather without end. */
const MAX_SERIES = 20_000;

/** One series of a cumulative metric: a counter, or a histogram with all its parts. */
interface Series {
  readonly last: Map<Part, number>;
  readonly growth: Map<Part, number>;
}

/** The gauges of one page: sums over its series, but for a share of one, which is the highest. */
export interface Gauges {
  readonly running?: number;
  readonly waiting?: number;
  readonly kvCacheUsage?: number;
  readonly gpuMemoryBytes?: number;
}

/** What one metrics page, read again and again, says of the time between its first reading and its last. */
export class Replica {
  /** Known from the first page that has any of its names. */
  engine: Engine | undefined;
  /** Pages that were read. */
  pages = 0;
  /** Whether a counter fell on the way. */
  restarted = false;
  readonly #series = new Map<string, Map<string, Series>>();
  readonly #gauges = new Set<Figure>();

  /** @throws SyntaxError when the text is no metrics page; RangeError when it has more than any server would. */
  take(text: string): Gauges {
    const samples = readMetricsPage(text, isWanted);
    this.engine ??= engineOf(samples);
    const isFirst = this.pages++ === 0;
    const gpuMemoryBytes = gpuMemoryOf(samples);
    const gauges: Gauges = gpuMemoryBytes === undefined ? {} : { gpuMemoryBytes };
    if (this.engine === undefined) return gauges;
    const found = sortOut(samples, this.engine);
    this.#grow(found, isFirst);
    return { ...gauges, ...this.#readGauges(found, this.engine) };
  }

  /** Summed over labels, under the first of the figure's names that the page has; undefined where it has none. */
  growthOf(figure: Figure): Growth | undefined {
    if (this.engine === undefined || this.pages < 2) return undefined;
    for (const name of namesOf(this.engine, figure)) {
      const series = this.#series.get(keyOf(figure, name));
      if (series !== undefined)
        return addGrowths([...series.values()].map(({ growth }) => growthFrom(growth)));
    }
    return undefined;
  }

  hasGauge(figure: Figure): boolean {
    return this.#gauges.has(figure);
  }

  #readGauges(found: Found, engine: Engine): Gauges {
    const read = (figure: Figure, join: (values: readonly number[]) => number) => {
      for (const name of namesOf(engine, figure)) {
        const series = found.get(keyOf(figure, name));
        if (series === undefined) continue;
        this.#gauges.add(figure);
        return join([...series.values()].flatMap((parts) => parts.get("value") ?? []));
      }
      return undefined;
    };
    const running = read("running", total);
    const waiting = read("waiting", total);
    const kvCacheUsage = read("kv_cache_usage", greatest);
    return {
      ...(running !== undefined && { running }),
      ...(waiting !== undefined && { waiting }),
      ...(kvCacheUsage !== undefined && { kvCacheUsage }),
    };
  }

  #grow(found: Found, isFirst: boolean): void {
    for (const [key, series] of found) if (!isGauge(key)) this.#growSeries(key, series, isFirst);
  }

  #growSeries(key: string, found: ReadonlyMap<string, ReadonlyMap<Part, number>>, isFirst: boolean): void {
    const known = this.#series.get(key) ?? new Map<string, Series>();
    this.#series.set(key, known);
    for (const [labels, parts] of found) {
      const series = known.get(labels);
      if (series === undefined) {
        if (known.size >= MAX_SERIES)
          throw new RangeError(`there are more than ${MAX_SERIES} series of one name`);
        // A series appears when it is first counted: what it then says grew from nothing.
        known.set(labels, {
          last: new Map(parts),
          growth: new Map(isFirst ? [...parts.keys()].map((part) => [part, 0]) : parts),
        });
        continue;
      }
      const fell = hasFallen(series.last, parts);
      this.restarted ||= fell;
      if (fell) series.last.clear();
      for (const [part, value] of parts) {
        series.growth.set(part, (series.growth.get(part) ?? 0) + value - (series.last.get(part) ?? 0));
        series.last.set(part, value);
      }
    }
  }
}

/** Sums of seconds are left out: added up in another order they may fall by a last binary digit. */
function hasFallen(before: ReadonlyMap<Part, number>, after: ReadonlyMap<Part, number>): boolean {
  return [...after].some(([part, value]) => part !== "sum" && value < (before.get(part) ?? 0));
}

/** Parts by series, by figure and name. */
type Found = Map<string, Map<string, Map<Part, number>>>;

/** What a sample of one name is to an engine: it may be of two figures, as a histogram's count is a counter. */
interface Role {
  readonly key: string;
  readonly part: "value" | "sum" | "count" | "bucket";
}

const ROLES = new Map(ENGINES.map((engine) => [engine, rolesOf(engine)]));

function rolesOf(engine: Engine): ReadonlyMap<string, readonly Role[]> {
  const roles = new Map<string, Role[]>();
  const add = (name: string, role: Role) => roles.set(name, [...(roles.get(name) ?? []), role]);
  for (const figure of Object.keys(FIGURES) as Figure[]) {
    for (const name of namesOf(engine, figure)) {
      const key = keyOf(figure, name);
      if (FIGURES[figure] !== "histogram") add(name, { key, part: "value" });
      else for (const part of HISTOGRAM_PARTS) add(`${name}_${part}`, { key, part });
    }
  }
  return roles;
}

/** In one pass, since it is done beside the load; of series that repeat one another the highest counts. */
function sortOut(samples: readonly Sample[], engine: Engine): Found {
  const roles = ROLES.get(engine)!;
  const without = new Set([...engine.repeatedOver, "le"]);
  const found: Found = new Map();
  for (const { name, labels, value } of samples) {
    if (!isAmount(value)) continue;
    for (const role of roles.get(name) ?? []) {
      const part = role.part === "bucket" ? boundOf(labels.get("le")) : role.part;
      if (part === undefined) continue;
      const parts = entryOf(entryOf(found, role.key), labelsKey(labels, without));
      const known = parts.get(part);
      if (known === undefined || value > known) parts.set(part, value);
    }
  }
  return found;
}

function entryOf<Key, Inner, Value>(map: Map<Key, Map<Inner, Value>>, key: Key): Map<Inner, Value> {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = new Map<Inner, Value>();
  map.set(key, made);
  return made;
}

function growthFrom(parts: ReadonlyMap<Part, number>): Growth {
  const [value, sum, count] = [parts.get("value"), parts.get("sum"), parts.get("count")];
  return {
    ...(value !== undefined && { value }),
    ...(sum !== undefined && { sum }),
    ...(count !== undefined && { count }),
    buckets: new Map(
      [...parts].flatMap(([part, count]) => (typeof part === "number" ? [[part, count]] : [])),
    ),
  };
}

function gpuMemoryOf(samples: readonly Sample[]): number | undefined {
  const found = GPU_MEMORY.flatMap(({ name, bytesPerUnit }) =>
    samples.flatMap((sample) =>
      sample.name === name && isAmount(sample.value) ? [sample.value * bytesPerUnit] : [],
    ),
  );
  return found.length === 0 ? undefined : total(found);
}

function boundOf(text: string | undefined): number | undefined {
  if (text === undefined || text === "") return undefined;
  const bound = text === "+Inf" || text === "inf" || text === "Inf" ? Number.POSITIVE_INFINITY : Number(text);
  return Number.isNaN(bound) ? undefined : bound;
}

/** Neither counts nor gauges of ours are ever negative, infinite or no number. */
function isAmount(value: number): boolean {
  return value >= 0 && value < Number.POSITIVE_INFINITY;
}

/** A page may have more series than a call can have arguments. */
function greatest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), 0);
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

/** Alike for the same labels in whatever order. */
function labelsKey(labels: ReadonlyMap<string, string>, without: ReadonlySet<string>): string {
  const kept: string[] = [];
  for (const [label, value] of labels)
    if (!without.has(label)) kept.push(`${label}=${JSON.stringify(value)}`);
  return kept.sort().join();
}

function keyOf(figure: Figure, name: string): string {
  return `${figure} ${name}`;
}

function isGauge(key: string): boolean {
  return FIGURES[key.slice(0, key.indexOf(" ")) as Figure] === "gauge";
}
