import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";

interface Row {
  readonly number: number;
  readonly state: string;
  readonly proof: string;
}

const page = readFileSync("docs/acceptance.md", "utf8");
const rows: readonly Row[] = [...page.matchAll(/^\| (\d+) \| .+ \| (.+) \| (.+) \|$/gm)].map(
  ([, number, state, proof]) => ({ number: Number(number), state: state!, proof: proof! }),
);
/** A string or a template, as far as it stands on one line. */
const STRING = /(["'`])((?:\\.|(?!\1)[^\\\n])*)\1/g;
const STATES = ["met", "partly", "not met", "not here"];
const self = "test/acceptance.test.ts";
const files = new Map(
  globSync("test/**/*.ts")
    .filter((file) => file !== self)
    .map((file) => [file, read(file)]),
);

test("every promise has one row, in order", () => {
  assert.deepEqual(
    rows.map(({ number }) => number),
    Array.from({ length: 302 }, (_, index) => index + 1),
  );
});

for (const { number, state, proof } of rows) {
  test(`promise ${number} is ${state} by tests that name it, or says why not`, () => {
    assert.ok(STATES.includes(state), state);
    const named = [...proof.matchAll(/`(test\/[^`]+)`(?:: "([^"]+)")?/g)];
    for (const [, file, title] of named) {
      const source = files.get(file!);
      assert.ok(source !== undefined, `there is no ${file}`);
      if (title === undefined) assert.ok(numbersOf(source).has(number), `${file} names no [A-${number}]`);
      else assert.ok(source.titles.includes(title), `${file} has no test "${title}"`);
    }
    if (state !== "not here") assert.ok(named.length > 0, "a test is named");
    const said = proof.replaceAll(/`test\/[^`]+`(?:: "[^"]+")?/g, "").replaceAll(/[,;\s]/g, "");
    if (state !== "met") assert.ok(said.length > 20, "what is missing is said");
  });
}

test("no test names a number that the page lacks", () => {
  const known = new Set(rows.map(({ number }) => number));
  for (const [file, source] of files) {
    for (const number of numbersOf(source)) assert.ok(known.has(number), `${file} names ${number}`);
  }
});

test("the page counts its rows", () => {
  const count = (state: string) => rows.filter((row) => row.state === state).length;
  const [met, partly, not, here] = STATES.map(count);
  assert.ok(
    page.includes(
      `Of ${rows.length} promises ${met} are met, ${partly} partly met, ${not} not met, and ${here} cannot be tested here.`,
    ),
    `${rows.length} promises: ${met} met, ${partly} partly, ${not} not, ${here} not here`,
  );
});

/** Numbers in titles, and in the rows' reasons that titles are made of; one without "A-" has words after it. */
function numbersOf({ strings }: Source): ReadonlySet<number> {
  const tags = strings.flatMap((string) => [...string.matchAll(/\[A-(\d{1,3})\]|\[(\d{1,3})\](?= \S)/g)]);
  return new Set(tags.map(([, marked, bare]) => Number(marked ?? bare)));
}

interface Source {
  /** Of tests, as written between the quotes. */
  readonly titles: readonly string[];
  readonly strings: readonly string[];
}

function read(file: string): Source {
  const text = readFileSync(file, "utf8");
  const lines = text.split("\n").filter((line) => !/^\s*(\/\/|\/?\*)/.test(line));
  const titles = text.matchAll(new RegExp(String.raw`\btest\(\s*${STRING.source}`, "g"));
  return {
    titles: [...titles].map(([, , title]) => title!),
    strings: lines.flatMap((line) => [...line.matchAll(STRING)].map(([, , string]) => string!)),
  };
}
