import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MAX_EVENT_BYTES, SseParser } from "../../src/send/sse.ts";

function parse(chunks: readonly Buffer[]): string[] {
  const events: string[] = [];
  const parser = new SseParser((data) => events.push(data));
  for (const chunk of chunks) parser.push(chunk);
  parser.end();
  return events;
}

/** The stream, and the data of its events. */
const CORPUS: Readonly<Record<string, readonly [stream: string, events: readonly string[]]>> = {
  "line feeds": ["data: a\n\ndata: b\n\n", ["a", "b"]],
  "carriage returns and line feeds": ["data: a\r\n\r\ndata: b\r\n\r\n", ["a", "b"]],
  "carriage returns alone": ["data: a\r\rdata: b\r\r", ["a", "b"]],
  "a byte order mark": ["\uFEFFdata: a\n\n", ["a"]],
  "several data lines": ["data: a\ndata: b\ndata:\ndata: c\n\n", ["a\nb\n\nc"]],
  "no space after the colon": ["data:a\n\n", ["a"]],
  "two spaces after the colon": ["data:  a\n\n", [" a"]],
  "a field without a colon": ["data\n\n", [""]],
  "comments and pings": [": ping\n\ndata: a\n:x\n\n: ping\n\n", ["a"]],
  "other fields": ["event: message\nid: 7\nretry: 10\ndata: a\n\nevent: end\n\n", ["a"]],
  "fields that only begin like data": ["database: x\ndata: a\n\n", ["a"]],
  "more than one blank line": ["data: a\n\n\n\ndata: b\n\n", ["a", "b"]],
  "no blank line at the end": ["data: a\n\ndata: b", ["a", "b"]],
  "characters of two to four bytes": ["data: é € 😀 한국어\n\n", ["é € 😀 한국어"]],
  "nothing at all": ["", []],
};

for (const [name, [stream, events]] of Object.entries(CORPUS)) {
  test(`a stream with ${name} gives the same events for every cut`, () => {
    const bytes = Buffer.from(stream);
    assert.deepEqual(parse([bytes]), events);
    assert.deepEqual(parse([...bytes].map((byte) => Buffer.of(byte))), events, "cut at every byte");
    for (let i = 0; i <= bytes.length; i++) {
      assert.deepEqual(parse([bytes.subarray(0, i), bytes.subarray(i)]), events, `cut at ${i}`);
    }
  });
}

test("any cuts of any lines give the same events", () => {
  const line = fc.oneof(
    fc.constantFrom("", ": c", "data", "data:", "id: 1", "event: x"),
    fc.string({ unit: "grapheme" }).map((text) => `data: ${text.replace(/[\r\n]/g, "")}`),
  );
  const stream = fc.array(fc.tuple(line, fc.constantFrom("\n", "\r\n", "\r")));
  fc.assert(
    fc.property(stream, fc.array(fc.nat(400)), (lines, cuts) => {
      const bytes = Buffer.from(lines.flat().join(""));
      const edges = [
        0,
        ...cuts.map((cut) => Math.min(cut, bytes.length)).toSorted((a, b) => a - b),
        bytes.length,
      ];
      const chunks = edges.slice(1).map((edge, i) => bytes.subarray(edges[i]!, edge));
      assert.deepEqual(parse(chunks), parse([bytes]));
    }),
  );
});

test("an event that never ends is refused before it fills the memory", () => {
  const parser = new SseParser(() => {});
  const chunk = Buffer.alloc(1024 * 1024, "x");
  parser.push(Buffer.from("data: "));
  assert.throws(() => {
    for (let sent = 0; sent <= MAX_EVENT_BYTES; sent += chunk.length) parser.push(chunk);
  }, /exceeds/);
});
