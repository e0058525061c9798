import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type EventReader, sseReader } from "../../src/send/event-reader.ts";
import type { Protocol, StreamEvent } from "../../src/send/protocol.ts";
import { protocolOf } from "../../src/send/protocols.ts";

type Read = StreamEvent | "done";

/** What a stream says, and how many readings of JSON it saved: one for each event told by its bytes, less the probes. */
function read(protocol: Protocol, chunks: readonly Buffer[]): { events: Read[]; saved: number } {
  let parsed = 0;
  const counted = {
    ...protocol,
    read: (data: string) => {
      parsed++;
      return protocol.read(data);
    },
  };
  const events: Read[] = [];
  const reader: EventReader = sseReader(counted, true, (event) => events.push(event));
  for (const chunk of chunks) reader.push(chunk);
  reader.end();
  return { events, saved: events.length - parsed };
}

/** What the protocol reads when every event goes to it. */
const plainly = (protocol: Protocol, datas: readonly string[]): Read[] =>
  datas.map((data) => protocol.read(data));

const chat = protocolOf("openai-chat");
const wrap = (choices: unknown, more: object = {}) =>
  JSON.stringify({ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, choices, ...more });
const delta = (value: unknown, finish: string | null = null) =>
  wrap([{ index: 0, delta: value, logprobs: null, finish_reason: finish }]);
const text = (content: string) => delta({ content });
const stream = (datas: readonly string[], lead = "data: ", ending = "\n\n") =>
  Buffer.from(datas.map((data) => lead + data + ending).join(""));

/** Streams whose events a comparison of bytes could take for others, and how many readings of JSON are saved. */
const STREAMS: Readonly<Record<string, readonly [datas: readonly string[], saved: number]>> = {
  "plain words": [
    [
      delta({ role: "assistant", content: "" }),
      text("a"),
      text(" b"),
      text("c d"),
      delta({}, "stop"),
      "[DONE]",
    ],
    1,
  ],
  "escapes of one letter": [[text("a"), text("\n"), text('"'), text("\\"), text("\t/"), text('\\"')], 4],
  "escapes of code units": [[text("a"), text("\u0001"), text("\u001f x"), text("b")], 0],
  "characters beyond ASCII": [[text("é"), text("한국어"), text("😀"), text("\u2028")], 2],
  "empty texts between others": [[text("a"), text(""), text("b"), text("")], 0],
  "a finish with a text": [[text("a"), text("b"), delta({ content: "c" }, "length")], 0],
  "reasoning, then content": [
    [delta({ reasoning_content: "x" }), delta({ reasoning_content: "y" }), text("a"), text("b"), text("c")],
    1,
  ],
  "a text that quotes an event": [
    [text("a"), text(text("b")), text('"},"finish_reason":"stop"}]}'), text("c")],
    2,
  ],
  "usage in every event": [
    [1, 2, 3].map((n) => wrap([{ index: 0, delta: { content: "a" } }], { usage: { completion_tokens: n } })),
    0,
  ],
  "an id of its own in every event": [
    [1, 2, 3, 4].map((id) => JSON.stringify({ id, choices: [{ delta: { content: "a" } }] })),
    -1,
  ],
  "a clock that moves on": [
    [1, 1, 1, 2, 2, 2].map((created) => JSON.stringify({ created, choices: [{ delta: { content: "a" } }] })),
    2,
  ],
  "two choices": [
    [
      wrap([{ delta: { content: "a" } }, { delta: { content: "a" } }]),
      wrap([{ delta: { content: "b" } }, { delta: { content: "" } }]),
    ],
    0,
  ],
  "the same key twice": [
    [
      '{"choices":[{"delta":{"content":"x","content":"x"}}]}',
      '{"choices":[{"delta":{"content":"x","content":"y"}}]}',
      '{"choices":[{"delta":{"content":"z","content":""}}]}',
    ],
    0,
  ],
  "an error after good events": [[text("a"), text("b"), '{"error":{"message":"out of memory"}}'], 0],
};

for (const [name, [datas, saved]] of Object.entries(STREAMS)) {
  test(`a stream with ${name} says the same as its events one by one`, () => {
    const want = plainly(chat, datas);
    for (const [lead, ending] of [
      ["data: ", "\n\n"],
      ["data:", "\n\n"],
      ["data: ", "\r\n\r\n"],
      ["data: ", "\r\r"],
      ["id: 1\ndata: ", "\n\n"],
    ] as const) {
      const bytes = stream(datas, lead, ending);
      assert.deepEqual(read(chat, [bytes]).events, want, JSON.stringify([lead, ending]));
      for (let cut = 0; cut <= bytes.length; cut += 7) {
        assert.deepEqual(
          read(chat, [bytes.subarray(0, cut), bytes.subarray(cut)]).events,
          want,
          `cut at ${cut}`,
        );
      }
    }
    assert.equal(read(chat, [stream(datas)]).saved, saved, "readings saved");
  });
}

test("an event that differs in more than its text, and is not JSON, is still refused", () => {
  const broken = text("b").replace('"finish_reason":null', '"finish_reason":nul');
  assert.throws(() => read(chat, [stream([text("a"), text("c"), broken])]), SyntaxError);
  const unended = text("b").replace('"},', '"}');
  assert.throws(() => read(chat, [stream([text("a"), text("c"), unended])]), SyntaxError);
});

test("a control character in a text is no JSON, with and without a template", () => {
  const raw = text("@").replace("@", "\u0007");
  assert.throws(() => read(chat, [stream([text("a"), text("c"), raw])]), SyntaxError);
});

test("an escape that JSON does not know is refused", () => {
  const raw = text("@").replace("@", "\\q");
  assert.throws(() => read(chat, [stream([text("a"), text("c"), raw])]), SyntaxError);
});

test("any events in any cuts say the same as the protocol reads one by one", () => {
  const piece = fc.oneof(
    fc.string({ unit: "binary" }).map(text),
    fc
      .string({
        unit: fc.constantFrom("a", " ", '"', "\\", "\n", "/", "{", "}", "é", "😀", "\ud83d", "u0041"),
      })
      .map(text),
    fc.string().map((content) => delta({ reasoning: content })),
    fc.constantFrom(delta({ role: "assistant", content: "" }), delta({}, "stop"), wrap([]), "[DONE]"),
    fc
      .tuple(fc.string(), fc.integer({ min: 1, max: 2 }))
      .map(([content, created]) => JSON.stringify({ created, choices: [{ index: 0, delta: { content } }] })),
  );
  fc.assert(
    fc.property(
      fc.constantFrom("openai-chat", "openai-completions"),
      fc.array(piece, { maxLength: 12 }),
      fc.array(fc.nat(3000)),
      (name, datas, cuts) => {
        const protocol = protocolOf(name);
        const all =
          name === "openai-chat"
            ? datas
            : datas.map((data) =>
                data.replace('"delta":{"content":', '"text":').replace(/\}(?=[,}].*\])/, ""),
              );
        const legal = all.filter((data) => data === "[DONE]" || isJson(data));
        const bytes = stream(legal);
        const edges = [
          0,
          ...cuts.map((cut) => Math.min(cut, bytes.length)).toSorted((a, b) => a - b),
          bytes.length,
        ];
        const chunks = edges.slice(1).map((edge, i) => bytes.subarray(edges[i]!, edge));
        assert.deepEqual(read(protocol, chunks).events, plainly(protocol, legal));
      },
    ),
    { seed: 1, numRuns: 500 },
  );
});

function isJson(data: string): boolean {
  try {
    JSON.parse(data);
    return true;
  } catch {
    return false;
  }
}
