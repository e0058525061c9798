import type { Protocol, StreamEvent } from "./protocol.ts";

/** With which the events of OpenAI's protocols begin; the id is of no protocol's interest. */
const ID = /\{"id":"[\w.:-]*"/y;
/** Roles, first words, ends and counts of tokens: there are not many, until a server's clock shows another second. */
const MOST = 512;
const LONGEST = 2048;

/**
 * Reads an event that differs from an earlier one in its id alone as that one was read: parsing the JSON of the
 * few events that are not alike within a stream is a sixth of what a short answer costs.
 */
export function remembering(protocol: Protocol): Protocol {
  const seen = new Map<string, StreamEvent | "done">();
  return {
    ...protocol,
    read(data) {
      if (data.length > LONGEST) return protocol.read(data);
      ID.lastIndex = 0;
      const rest = ID.test(data) ? data.slice(ID.lastIndex) : data;
      let event = seen.get(rest);
      if (event === undefined) {
        event = protocol.read(data);
        if (seen.size === MOST) seen.clear();
        seen.set(rest, event);
      }
      return event;
    },
  };
}
