import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type AnswerPiece,
  ToolCallReader,
  type ToolCallReaderOptions,
} from "../../../server/inference/tool-call-reader.ts";

interface Reading {
  readonly text: string;
  readonly calls: readonly (readonly [name: string, json: string])[];
}

function readPieces(pieces: readonly string[], options: ToolCallReaderOptions = {}): Reading {
  const reader = new ToolCallReader(["f", "get_weather"], options);
  const told: AnswerPiece[] = [...pieces.flatMap((piece) => reader.push(piece)), ...reader.flush()];
  let text = "";
  const calls: [string, string][] = [];
  for (const piece of told) {
    if (piece.kind === "text") text += piece.text;
    else if (piece.kind === "call") {
      assert.equal(piece.index, calls.length);
      calls.push([piece.name, ""]);
    } else calls[piece.index]![1] += piece.json;
  }
  assert.equal(reader.calls, calls.length);
  return { text, calls };
}

const one = '<tool_call>\n{"name": "f", "arguments": {"a": "}\\"</tool_call>", "b": [{}]}}\n</tool_call>';
const oneJson = '{"a": "}\\"</tool_call>", "b": [{}]}';

const rows: readonly (readonly [string, string, Reading, ToolCallReaderOptions?])[] = [
  ["no call at all", "The server <keeps> it. ", { text: "The server <keeps> it. ", calls: [] }],
  ["one call, with brackets and the closing words within a text", one, { text: "", calls: [["f", oneJson]] }],
  [
    "text before a call, without what sets it apart",
    `Let me see.\n${one}`,
    { text: "Let me see.", calls: [["f", oneJson]] },
  ],
  [
    "two calls",
    `${one}\n<tool_call>{"name":"get_weather","arguments":{}}</tool_call>`,
    {
      text: "",
      calls: [
        ["f", oneJson],
        ["get_weather", "{}"],
      ],
    },
  ],
  [
    "members in another order",
    '<tool_call>{"arguments": {"x": 1}, "name": "f"}</tool_call>',
    { text: "", calls: [["f", '{"x":1}']] },
  ],
  [
    "arguments that are a text of JSON",
    '<tool_call>{"name": "f", "arguments": "{\\"x\\": 1}"}</tool_call>',
    { text: "", calls: [["f", '{"x":1}']] },
  ],
  [
    "a tool that is not there is text",
    '<tool_call>{"name": "g", "arguments": {}}</tool_call>',
    { text: '<tool_call>{"name": "g", "arguments": {}}</tool_call>', calls: [] },
  ],
  [
    "what is no JSON is text",
    "<tool_call>now</tool_call>!",
    { text: "<tool_call>now</tool_call>!", calls: [] },
  ],
  ["a beginning that goes on otherwise is text", "a <tool_cat>", { text: "a <tool_cat>", calls: [] }],
  [
    "a call without its end, as a stop string leaves it",
    one.slice(0, -12),
    { text: "", calls: [["f", oneJson]] },
  ],
  [
    "a call cut off in its arguments",
    '<tool_call>{"name": "f", "arguments": {"a',
    { text: "", calls: [["f", '{"a']] },
  ],
  ["a call cut off before its name is text", '<tool_call>{"name', { text: '<tool_call>{"name', calls: [] }],
  ["or nothing where all is calls", '<tool_call>{"name', { text: "", calls: [] }, { onlyCalls: true }],
  [
    "a second call where one is all there may be",
    `${one}\n${one}`,
    { text: `\n${one}`, calls: [["f", oneJson]] },
    { most: 1 },
  ],
];

for (const [what, text, expected, options] of rows) {
  test(`${what} is read the same whole and however it is cut`, () => {
    assert.deepEqual(readPieces([text], options), expected);
    fc.assert(
      fc.property(fc.array(fc.nat(text.length), { maxLength: 12 }), (cuts) => {
        const places = [0, ...cuts.toSorted((a, b) => a - b), text.length];
        const pieces = places.slice(1).map((end, index) => text.slice(places[index], end));
        assert.deepEqual(readPieces(pieces, options), expected);
      }),
      { seed: 1, numRuns: 200 },
    );
    assert.deepEqual(readPieces([...text], options), expected);
  });
}

test("the name is told before the arguments have come, and these as they come", () => {
  const reader = new ToolCallReader(["f"]);
  assert.deepEqual(reader.push('<tool_call>\n{"name": "f", "arguments": {'), [
    { kind: "call", index: 0, name: "f" },
    { kind: "arguments", index: 0, json: "{" },
  ]);
  assert.deepEqual(reader.push('"a": 1'), [{ kind: "arguments", index: 0, json: '"a": 1' }]);
  assert.deepEqual(reader.push("}}\n</tool_call>"), [{ kind: "arguments", index: 0, json: "}" }]);
});
