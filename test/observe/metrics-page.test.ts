import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { readMetricsPage } from "../../src/observe/metrics-page.ts";

const odd = (name: string) => readFileSync(`test/fixtures/metrics/odd/${name}.prom`, "utf8");
const read = (text: string) =>
  readMetricsPage(text).map(({ name, labels, value }) => [name, Object.fromEntries(labels), value]);

const READ: readonly { page: string; why: string; samples: unknown[] }[] = [
  {
    page: "escapes",
    why: "labels hold what they hold, escaped",
    samples: [
      ["a", { path: "C:\\DIR\\FILE.TXT", error: 'Cannot find file:\n"FILE.TXT"' }, 1458255915],
      ["a", { json: '{"k": "v", "w": [1]}' }, 2],
      ["a", { b: "c", d: "e" }, 3],
      ["a", { unknown: "\\q", empty: "", backslash_n: "\\n" }, 4],
      ["a", { utf8: "naïve 模型" }, 5],
      ["a", {}, 6],
    ],
  },
  {
    page: "exemplars",
    why: "an exemplar is no value, and creation times are series of their own",
    samples: [
      ["a_total", { x: "y" }, 17],
      ["a_total", { x: "z" }, 18],
      ["h_bucket", { le: "0.01" }, 0],
      ["h_bucket", { le: "+Inf" }, 17],
      ["h_count", {}, 17],
      ["h_sum", {}, 324789.3],
      ["h_created", {}, 1520430000.123],
    ],
  },
  {
    page: "timestamps",
    why: "milliseconds, before the epoch, or seconds with a fraction: passed over",
    samples: [
      ["a", {}, 1],
      ["a", { b: "c" }, 2],
      ["a", { b: "d" }, 3],
    ],
  },
  {
    page: "numbers",
    why: "numbers as Go writes them",
    samples: [
      ["a", {}, Number.NaN],
      ["b", {}, Number.POSITIVE_INFINITY],
      ["c", {}, Number.NEGATIVE_INFINITY],
      ["d", {}, 1e-5],
      ["e", {}, -0],
      ["f", {}, 0.5],
      ["g", {}, Number.POSITIVE_INFINITY],
    ],
  },
  {
    page: "crlf",
    why: "some servers end lines with CRLF",
    samples: [
      ["a", {}, 1],
      ["b", { c: "d" }, 2],
    ],
  },
  {
    page: "no-newline",
    why: "the last line may lack its end",
    samples: [
      ["a", {}, 1],
      ["b", {}, 2],
    ],
  },
  { page: "eof", why: "OpenMetrics ends with a mark", samples: [["a_total", {}, 3]] },
  {
    page: "quoted-names",
    why: "Prometheus 3 quotes names of other characters",
    samples: [
      ["http.server.duration", { method: "GET" }, 1],
      ["a", { "label.with.dots": "x" }, 2],
      ["a b", {}, 3],
    ],
  },
];

for (const { page, why, samples } of READ) {
  test(`${page}: ${why}`, () => assert.deepEqual(read(odd(page)), samples));
}

const REFUSED: readonly { page: string; text?: string; says: string }[] = [
  { page: "html", says: "it is a page of HTML or XML" },
  { page: "json", says: "it is JSON" },
  { page: "after-eof", says: 'line 3 comes after "# EOF"' },
  { page: "unclosed-label", says: 'line 1 is no metric: "a{b=\\"c} 1"' },
  { page: "a name without a value", text: "ok 1\na", says: 'line 2 is no metric: "a"' },
  { page: "a word for a value", text: "a nonsense", says: 'line 1 is no metric: "a nonsense"' },
  { page: "a hexadecimal value", text: "a 0x10", says: 'line 1 is no metric: "a 0x10"' },
  {
    page: "a value glued to its name",
    text: 'a{b="c"}1 2 3 4',
    says: 'line 1 is no metric: "a{b=\\"c\\"}1 2 3 4"',
  },
  { page: "text", text: "Not Found", says: 'line 1 is no metric: "Not Found"' },
  { page: "an empty JSON array", text: "[]", says: "it is JSON" },
  {
    page: "a line without end",
    text: `a{b="${"\\\\".repeat(50_000)}"} 1`,
    says: "line 1 is longer than 65536 characters",
  },
  { page: "a long line", text: "x".repeat(200), says: `line 1 is no metric: "${"x".repeat(79)}…"` },
  { page: "too many samples", text: "a 1\n".repeat(100_001), says: "there are more than 100000 samples" },
];

for (const { page, text, says } of REFUSED) {
  test(`${page} is refused with the reason`, () => {
    assert.throws(() => readMetricsPage(text ?? odd(page)), new SyntaxError(says));
  });
}

test("an empty page is one without samples, as of a server that has counted nothing yet", () => {
  assert.deepEqual(read(""), []);
  assert.deepEqual(read("# HELP a b\n\n"), []);
});

test("lines that nobody wants are dropped after their name, whatever follows", () => {
  const wanted = (name: string) => name === "a";
  assert.deepEqual(
    readMetricsPage('b{c="d} nonsense\na 1\nb 2\n{"b"} 3\n', wanted).map(({ name }) => name),
    ["a"],
  );
  assert.throws(() => readMetricsPage("<html>", wanted), new SyntaxError("it is a page of HTML or XML"));
  assert.throws(() => readMetricsPage("Not-Found at all", wanted), SyntaxError);
});

test("whatever is written as the format has it is read back", () => {
  const escaped = (text: string) => text.replace(/[\\"\n]/g, (c) => (c === "\n" ? "\\n" : `\\${c}`));
  const name = fc.stringMatching(/^[a-zA-Z_:][a-zA-Z0-9_:]{0,8}$/);
  const label = fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,8}$/);
  // A carriage return cannot be escaped, and ends a line for those who read CRLF.
  const text = fc.string({ unit: "binary", maxLength: 12 }).filter((value) => !value.includes("\r"));
  const sample = fc.record({
    name,
    labels: fc.uniqueArray(fc.tuple(label, text), { selector: ([key]) => key, maxLength: 4 }),
    value: fc.double({ noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(sample, { maxLength: 8 }), (samples) => {
      const number = (value: number) =>
        Number.isFinite(value) ? String(value) : value > 0 ? "+Inf" : "-Inf";
      const page = samples.map(
        ({ name, labels, value }) =>
          `${name}{${labels.map(([key, held]) => `${key}="${escaped(held)}"`).join(",")}} ${number(value)}\n`,
      );
      const back = readMetricsPage(page.join(""));
      assert.deepEqual(
        back.map(({ name, labels, value }) => ({ name, labels: [...labels], value: value + 0 })),
        samples.map(({ name, labels, value }) => ({ name, labels, value: value + 0 })),
      );
    }),
    { seed: 1, numRuns: 300 },
  );
});

test("no bytes make it hang or fail otherwise than by saying what is wrong", () => {
  const pieces = fc.constantFrom(
    "a",
    "{",
    "}",
    '"',
    "\\",
    ",",
    "=",
    " ",
    "\n",
    "1",
    "#",
    "+Inf",
    "<",
    "le",
    "\u{1F600}",
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 60 }), (parts) => {
      try {
        readMetricsPage(parts.join(""));
      } catch (error) {
        assert.ok(error instanceof SyntaxError);
      }
    }),
    { seed: 2, numRuns: 1000 },
  );
});
