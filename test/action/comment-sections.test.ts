/** The sections of one comment: found again, merged the same by everybody, and never longer than GitHub takes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";

process.env.GITHUB_REPOSITORY = "acme/chat";
process.env.GITHUB_SERVER_URL = "https://github.test";
const { BODY_MAX_CHARS, commentMarker, composeBody, mergeSections, parseSections, tells } = await import(
  "../../action/comment-sections.ts"
);
type Section = import("../../action/comment-sections.ts").Section;

const section = (name: string, given: Partial<Section> = {}): Section => ({
  name,
  runId: 5,
  attempt: 1,
  writer: "0000000a",
  conclusion: "met",
  markdown: `of ${name}`,
  ...given,
});
const compose = (sections: readonly Section[], own = sections[0]!, render = () => own.markdown) =>
  composeBody("goodput", sections, own, render);

test("a single section reads as if there were none: marks and nothing else around it", () => {
  assert.equal(
    compose([section("load-test", { markdown: "## ✅ Goodput: objectives met\n\nfast" })]),
    [
      "<!-- goodput:comment goodput -->",
      "<!-- goodput:section load-test 5 1 0000000a met -->",
      "## ✅ Goodput: objectives met",
      "",
      "fast",
      "<!-- goodput:end 0000000a -->",
      "",
    ].join("\n"),
  );
});

test("several sections stand in lines that fold, and what went wrong is open", () => {
  assert.equal(
    compose([
      section("a10"),
      section("h_100", { writer: "0000000b", conclusion: "violated", markdown: "slow" }),
    ]),
    [
      "<!-- goodput:comment goodput -->",
      "<details>",
      "<summary><b>a10</b>: ✅ objectives met</summary>",
      "",
      "<!-- goodput:section a10 5 1 0000000a met -->",
      "of a10",
      "<!-- goodput:end 0000000a -->",
      "",
      "</details>",
      "",
      "<details open>",
      "<summary><b>h&#95;100</b>: ❌ objectives violated</summary>",
      "",
      "<!-- goodput:section h_100 5 1 0000000b violated -->",
      "slow",
      "<!-- goodput:end 0000000b -->",
      "",
      "</details>",
      "",
    ].join("\n"),
  );
});

test("what was composed is read again, also with GitHub's line ends", () => {
  const sections = [
    section("a b/c:(1)", { runId: 2 ** 40, attempt: 3, conclusion: "regressed" }),
    section("größe 大", { writer: "ffffffff", markdown: "| a |\n| - |\n\n😀" }),
  ];
  const body = compose(sections);
  assert.deepEqual(parseSections(body), sections);
  assert.deepEqual(parseSections(body.replaceAll("\n", "\r\n")), sections);
});

for (const [what, body] of [
  ["an end that is missing", "<!-- goodput:section a 5 1 0000000a met -->\ntext"],
  [
    "another section's end",
    "<!-- goodput:section a 5 1 0000000a met -->\ntext\n<!-- goodput:end 0000000b -->",
  ],
  [
    "a verdict that does not exist",
    "<!-- goodput:section a 5 1 0000000a great -->\n<!-- goodput:end 0000000a -->",
  ],
  [
    "a verdict that is a property of every object",
    "<!-- goodput:section a 5 1 0000000a constructor -->\n<!-- goodput:end 0000000a -->",
  ],
  ["a broken encoding", "<!-- goodput:section %E0%A4%A 5 1 0000000a met -->\n<!-- goodput:end 0000000a -->"],
  ["a name with a tag", "<!-- goodput:section %3Cimg%3E 5 1 0000000a met -->\n<!-- goodput:end 0000000a -->"],
  [
    "a name with a mention",
    "<!-- goodput:section %40all 5 1 0000000a met -->\n<!-- goodput:end 0000000a -->",
  ],
  [
    "a run that nobody could ever be newer than",
    "<!-- goodput:section a 9999999999999999 1 0000000a met -->\n<!-- goodput:end 0000000a -->",
  ],
  ["negative figures", "<!-- goodput:section a -5 1 0000000a met -->\n<!-- goodput:end 0000000a -->"],
] as const) {
  test(`a mark with ${what} is no section`, () => assert.deepEqual(parseSections(body), []));
}

test("a broken section does not hide the whole one after it", () => {
  const body = `<!-- goodput:section a 5 1 0000000c met -->\nlost\n${compose([section("b")])}`;
  assert.deepEqual(
    parseSections(body).map(({ name }) => name),
    ["b"],
  );
});

test("no text is too strange to be read", () => {
  const piece = fc.oneof(
    fc.string({ unit: "binary", maxLength: 20 }),
    fc.constantFrom(
      "<!-- goodput:section ",
      "a 5 1 0000000a met -->\n",
      "<!-- goodput:end 0000000a -->",
      "%",
      "\r\n",
    ),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      parseSections(pieces.join(""));
    }),
    { seed: 1 },
  );
});

test("thousands of marks are read in no time and not all kept", () => {
  const body = "<!-- goodput:section a 5 1 0000000a met -->\n".repeat(1400);
  assert.deepEqual(parseSections(body), []);
  const whole = Array.from({ length: 900 }, (_, i) => {
    const writer = i.toString(16).padStart(8, "0");
    return `<!-- goodput:section a${i} 5 1 ${writer} met -->\n<!-- goodput:end ${writer} -->`;
  });
  assert.equal(parseSections(whole.join("\n")).length, 256);
});

test("a report that holds a mark holds text", () => {
  const mark = "<!-- goodput:end 0000000a -->";
  const own = section("a", { markdown: `before ${mark} after` });
  assert.equal(parseSections(compose([own]))[0]!.markdown, `before &lt;!-- goodput:end 0000000a --> after`);
});

const anySection = fc.record(
  {
    name: fc.constantFrom("a", "b"),
    runId: fc.integer({ min: 1, max: 3 }),
    attempt: fc.integer({ min: 1, max: 2 }),
    writer: fc.constantFrom("0000000a", "0000000b", "0000000c"),
    conclusion: fc.constant("met" as const),
    markdown: fc.constant(""),
  },
  { noNullPrototype: true },
);
const anySections = fc.array(anySection, { maxLength: 8 });

test("in whatever order and however often sections are merged, the same comes out", () => {
  fc.assert(
    fc.property(anySections, anySections, (a, b) => {
      const merged = mergeSections([...a, ...b]);
      assert.deepEqual(mergeSections([...b, ...a]), merged);
      assert.deepEqual(mergeSections([...mergeSections(a), ...mergeSections(b)]), merged);
      assert.deepEqual(mergeSections(merged), merged);
    }),
    { seed: 1 },
  );
});

test("what was merged tells everything that went in, or something newer", () => {
  fc.assert(
    fc.property(anySections, (sections) => {
      const merged = mergeSections(sections);
      assert.ok(sections.every((one) => tells(merged, one)));
    }),
    { seed: 1 },
  );
});

test("a newer run takes an older one's place, and a newer attempt an older one's", () => {
  const newest = (...versions: [number, number][]) =>
    mergeSections(versions.map(([runId, attempt]) => section("a", { runId, attempt }))).map(
      ({ runId, attempt }) => [runId, attempt],
    );
  assert.deepEqual(newest([5, 2], [6, 1]), [[6, 1]]);
  assert.deepEqual(newest([6, 2], [6, 1]), [[6, 2]]);
  // Compared as numbers: as text 9 would be newer.
  assert.deepEqual(newest([9, 1], [10, 1]), [[10, 1]]);
});

test("jobs of one run that share a name keep a section each, until a newer run has that name", () => {
  const [first, second] = [section("load-test"), section("load-test", { writer: "0000000b" })];
  assert.deepEqual(mergeSections([second, first]), [first, second]);
  const newer = section("load-test", { runId: 6, writer: "0000000c" });
  assert.deepEqual(mergeSections([first, newer, second]), [newer]);
});

test("one's own section may have what the others leave", () => {
  const asked: number[] = [];
  const own = section("own");
  const others = ["a", "b"].map((name, i) =>
    section(name, { writer: `0000001${i}`, markdown: name.repeat(10_000) }),
  );
  const body = composeBody("goodput", [...others, own], own, (maxChars) => {
    asked.push(maxChars);
    return "x".repeat(maxChars);
  });
  assert.equal(body.length, BODY_MAX_CHARS);
  assert.ok(asked[0]! > 39_000 && asked[0]! < 40_000, String(asked));
  assert.deepEqual(
    parseSections(body).map(({ markdown }) => markdown.length),
    [10_000, 10_000, asked[0]],
  );
});

test("others that leave less than a fair share give way to a line with a link, the longest first", () => {
  const own = section("own");
  const others = [40_000, 15_000].map((chars, i) =>
    section(`other-${i}`, { writer: `0000001${i}`, runId: 90 + i, markdown: "y".repeat(chars) }),
  );
  const body = composeBody("goodput", [...others, own], own, (maxChars) => "x".repeat(maxChars));
  assert.ok(body.length <= BODY_MAX_CHARS);
  const [first, second, mine] = parseSections(body);
  assert.equal(
    first!.markdown,
    "This report is too long to stand here; it is in the summary of [its run](https://github.test/acme/chat/actions/runs/90).",
  );
  assert.equal(first!.conclusion, "met");
  assert.equal(second!.markdown.length, 15_000);
  assert.ok(mine!.markdown.length > 19_000);
});

test("so many sections that not even their names fit lose those of the oldest runs", () => {
  const own = section("own", { runId: 1_000 });
  const others = Array.from({ length: 255 }, (_, i) =>
    section("大".repeat(60) + i, { writer: i.toString(16).padStart(8, "0"), runId: 1 + i }),
  );
  const body = composeBody("goodput", [...others, own], own, (maxChars) =>
    "x".repeat(Math.max(0, Math.min(maxChars, 500))),
  );
  assert.ok(body.length <= BODY_MAX_CHARS, String(body.length));
  const names = parseSections(body).map(({ name }) => name);
  assert.ok(names.includes("own"));
  assert.ok(!names.includes(others[0]!.name) && names.includes(others[254]!.name));
});

test("however long the reports are, the comment keeps below the limit and begins with its mark", () => {
  const length = fc.integer({ min: 0, max: 70_000 });
  fc.assert(
    fc.property(fc.array(length, { minLength: 1, maxLength: 12 }), (lengths) => {
      const sections = lengths.map((chars, i) =>
        section(`s${i}`, { writer: `0000001${i.toString(16)}`, markdown: "z".repeat(chars) }),
      );
      const own = sections[0]!;
      const body = composeBody("goodput", sections, own, (maxChars) => own.markdown.slice(0, maxChars));
      assert.ok(body.length <= BODY_MAX_CHARS);
      assert.ok(body.startsWith(commentMarker("goodput")));
      assert.equal(parseSections(body).length, sections.length);
      // A fair share is one's own whatever the others have written.
      assert.ok(
        parseSections(body).find(({ name }) => name === "s0")!.markdown.length >=
          Math.min(own.markdown.length, 55_000 / sections.length),
      );
    }),
    { seed: 1, numRuns: 50 },
  );
});
