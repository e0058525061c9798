import assert from "node:assert/strict";
import { test } from "node:test";
import { protocolOf } from "../../src/send/protocols.ts";
import { remembering } from "../../src/send/remembering.ts";

const OPENAI = protocolOf("openai-chat");

/** What is read, and how many events had to be parsed for it. */
function read(events: readonly string[]): { meant: readonly unknown[]; parsed: number } {
  let parsed = 0;
  const protocol = remembering({
    ...OPENAI,
    read(data) {
      parsed++;
      return OPENAI.read(data);
    },
  });
  return { meant: events.map((data) => protocol.read(data)), parsed };
}

const event = (id: string, content: string, created = 1) =>
  `{"id":"${id}","created":${created},"choices":[{"delta":{"content":${JSON.stringify(content)}}}]}`;

test("an event that differs from an earlier one in its id alone is not parsed again", () => {
  const events = [
    event("chatcmpl-1", "a"),
    event("chatcmpl-2", "a"),
    event("cmpl.3:x_y", "a"),
    "[DONE]",
    "[DONE]",
  ];
  const { meant, parsed } = read(events);
  assert.deepEqual(meant, events.map(OPENAI.read));
  assert.equal(parsed, 2);
});

test("whatever else differs is read for itself", () => {
  const events = [
    event("1", "a"),
    event("1", "b"),
    event("1", "a", 2),
    // Not at the place where an id is told, and one with an escape.
    '{"object":"x","id":"1","choices":[{"delta":{"content":"a"}}]}',
    String.raw`{"id":"\"","created":1,"choices":[{"delta":{"content":"a"}}]}`,
    '{"id":"1","error":{"message":"no"}}',
    "{}",
  ];
  const { meant, parsed } = read(events);
  assert.deepEqual(meant, events.map(OPENAI.read));
  assert.equal(parsed, events.length);
});

test("what is no event stays none, however often it comes", () => {
  const protocol = remembering(OPENAI);
  protocol.read(event("1", "a"));
  for (let i = 0; i < 2; i++) {
    assert.throws(() => protocol.read('{"id":"1"'), SyntaxError);
    assert.throws(() => protocol.read(event("1", "a").slice(1)), SyntaxError);
    assert.throws(() => protocol.read(event('a"b', "a")), SyntaxError);
  }
});

test("it remembers no more than some hundreds, and nothing long", () => {
  const texts = Array.from({ length: 600 }, (_, i) => String(i));
  const once = read([...texts, ...texts].map((text) => event("1", text)));
  assert.ok(once.parsed > 600 && once.meant.length === 1200);
  const long = event("1", "x".repeat(5000));
  assert.equal(read([long, long]).parsed, 2);
});
