/**
 * A target that is faster than what is measured against it: HTTP on raw sockets, every answer's bytes made
 * before the first request. Unpaced, an answer goes out in blocks of a few events, one block per turn of the
 * loop, as a busy server's writes do. Paced, the first token and every later one have an absolute deadline,
 * so that no lateness adds up, and the moments at which they were really written are kept for `/stats`.
 */
import { createServer, type Socket } from "node:net";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    /** Events with output per answer. */
    events: { type: "string", default: "64" },
    /** Events per write of an unpaced answer; each is an HTTP chunk of its own, as Python's servers send them. */
    block: { type: "string", default: "8" },
    paced: { type: "boolean", default: false },
    ttft: { type: "string", default: "50" },
    gap: { type: "string", default: "10" },
    /** Take requests and never answer. */
    silent: { type: "boolean", default: false },
  },
});
const EVENTS = Number(values.events);
const BLOCK = Number(values.block);
const TTFT_NS = Number(values.ttft) * 1e6;
const GAP_NS = Number(values.gap) * 1e6;

const OK =
  "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n";
/** Tokens as models write them: most plain, some with what JSON escapes, some beyond ASCII. */
const WORDS = (
  " the| of| a|,|.| to| and| in| model| is| that| for| it| with| as| token|ing| on|s| be| this| by| from" +
  '| or| an| at| are| which| one|\n| not| you| has|\n\n| can| time| –| é|"| use| first| large| data| when'
).split("|");

interface Moments {
  /** The `x-bench-id` header, where the client sends one. */
  readonly id: string | undefined;
  /** Of the system's monotonic clock, which every process reads alike, nanoseconds. */
  readonly receivedNs: number;
  firstTokenNs: number;
  /** How far behind its deadline the latest token was written. */
  lateNs: number;
}
interface Answer {
  readonly socket: Socket;
  readonly pieces: readonly Buffer[];
  readonly moments: Moments;
  next: number;
  dueNs: number;
}

let moments: Moments[] = [];
let firstRequestNs = 0;
let requests = 0;
const answers = Array.from({ length: 16 }, (_, i) => answerPieces(i));
/** Both are in order of their deadlines by themselves, since every answer has the same ones. */
const waiting = queue<Answer>();
const flowing = queue<Answer>();
let unpaced: Answer[] = [];
let turning = false;
/** While nothing is due for a while. */
let asleep: NodeJS.Timeout | undefined;

createServer({ noDelay: true }, (socket) => {
  let rest: Buffer | undefined;
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk) => {
    const bytes: Buffer = rest === undefined ? chunk : Buffer.concat([rest, chunk]);
    const used = requestsIn(bytes, socket);
    rest = used < bytes.length ? bytes.subarray(used) : undefined;
  });
}).listen(Number(values.port), "127.0.0.1", 4096, function (this: ReturnType<typeof createServer>) {
  const address = this.address();
  console.log(`http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`);
});

/** Answers every whole request in the bytes; gives how many bytes they were. */
function requestsIn(bytes: Buffer, socket: Socket): number {
  let start = 0;
  for (;;) {
    const headEnd = bytes.indexOf("\r\n\r\n", start);
    if (headEnd === -1) return start;
    const head = bytes.toString("latin1", start, headEnd);
    if (/^expect:/im.test(head)) socket.write("HTTP/1.1 100 Continue\r\n\r\n");
    const length = Number(/^content-length:\s*(\d+)/im.exec(head)?.[1] ?? 0);
    const end = headEnd + 4 + length;
    if (end > bytes.length) return start;
    start = end;
    respond(head, socket);
  }
}

function respond(head: string, socket: Socket): void {
  if (head.startsWith("POST")) {
    const receivedNs = nowNs();
    if (requests++ === 0) firstRequestNs = receivedNs;
    if (values.silent) return;
    const id = values.paced ? /^x-bench-id:\s*(\S+)/im.exec(head)?.[1] : undefined;
    const answer: Answer = {
      socket,
      pieces: answers[requests % answers.length]!,
      moments: { id, receivedNs, firstTokenNs: 0, lateNs: 0 },
      next: 0,
      dueNs: receivedNs + TTFT_NS,
    };
    if (values.paced) {
      moments.push(answer.moments);
      waiting.push(answer);
    } else unpaced.push(answer);
    if (!turning || asleep !== undefined) {
      clearTimeout(asleep);
      asleep = undefined;
      turning = true;
      setImmediate(turn);
    }
  } else if (head.startsWith("GET /stats")) {
    const cpu = process.cpuUsage();
    json(socket, { moments, firstRequestNs, requests, cpuUs: cpu.user + cpu.system });
    moments = [];
    requests = 0;
  } else if (head.startsWith("GET /v1/models/")) {
    json(socket, { id: "bench", object: "model" });
  } else if (/^GET \/(v1\/models|health)/.test(head)) {
    json(socket, { object: "list", data: [{ id: "bench", object: "model", created: 1, owned_by: "bench" }] });
  } else {
    socket.write("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
  }
}

/** Writes what is due and comes again; sleeps only when nothing is due for a while, since timers are a millisecond coarse. */
function turn(): void {
  if (!values.paced) {
    const now = unpaced;
    unpaced = [];
    for (const answer of now) {
      answer.socket.write(answer.pieces[answer.next++]!);
      if (answer.next < answer.pieces.length) unpaced.push(answer);
    }
    turning = unpaced.length > 0;
    if (turning) setImmediate(turn);
    return;
  }
  asleep = undefined;
  const now = nowNs();
  for (const line of [waiting, flowing]) {
    for (let answer = line.first(); answer !== undefined && answer.dueNs <= now; answer = line.first()) {
      line.shift();
      const writtenNs = nowNs();
      if (answer.next === 0) answer.moments.firstTokenNs = writtenNs;
      answer.moments.lateNs = Math.max(answer.moments.lateNs, writtenNs - answer.dueNs);
      answer.socket.write(answer.pieces[answer.next++]!);
      answer.dueNs += GAP_NS;
      if (answer.next < answer.pieces.length && !answer.socket.destroyed) flowing.push(answer);
    }
  }
  const dueNs = Math.min(waiting.first()?.dueNs ?? Infinity, flowing.first()?.dueNs ?? Infinity);
  turning = dueNs < Infinity;
  if (!turning) return;
  const leftNs = dueNs - nowNs();
  if (leftNs > 3e6) asleep = setTimeout(turn, leftNs / 1e6 - 2);
  else setImmediate(turn);
}

/** The bytes of one answer: as vLLM sends them, in its order of keys and with an id of its own. */
function answerPieces(number: number): Buffer[] {
  const id = `chatcmpl-${(0x9e3779b9 * (number + 1)).toString(16).padStart(12, "0")}4f6e8b20a1c5d7e9f0`;
  const head = `{"id":"${id}","object":"chat.completion.chunk","created":1785000000,"model":"bench","choices":`;
  const events = Array.from({ length: EVENTS }, (_, i) => {
    const delta = JSON.stringify({ content: WORDS[(i * 7 + number) % WORDS.length] });
    return `${head}[{"index":0,"delta":${delta},"logprobs":null,"finish_reason":null}]}`;
  });
  const role = `${head}[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]}`;
  const finish = `${head}[{"index":0,"delta":{"content":""},"logprobs":null,"finish_reason":"length","stop_reason":null}]}`;
  const usage = `${head}[],"usage":{"prompt_tokens":64,"total_tokens":${64 + EVENTS},"completion_tokens":${EVENTS}}}`;
  const chunks = events.map((event) => httpChunk(`data: ${event}\n\n`));
  // vLLM's first two events come together: it says the role when it has the first token.
  chunks[0] = OK + httpChunk(`data: ${role}\n\n`) + chunks[0];
  chunks[EVENTS - 1] +=
    `${httpChunk(`data: ${finish}\n\n`)}${httpChunk(`data: ${usage}\n\n`)}${httpChunk("data: [DONE]\n\n")}0\r\n\r\n`;
  const perPiece = values.paced ? 1 : BLOCK;
  return Array.from({ length: Math.ceil(EVENTS / perPiece) }, (_, i) =>
    Buffer.from(chunks.slice(i * perPiece, (i + 1) * perPiece).join("")),
  );
}

function httpChunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}

function json(socket: Socket, value: unknown): void {
  const body = JSON.stringify(value);
  socket.write(
    `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
}

function nowNs(): number {
  return Number(process.hrtime.bigint());
}

/** First in, first out, without moving what stays. */
function queue<T>() {
  let items: T[] = [];
  let from = 0;
  return {
    push: (item: T) => items.push(item),
    first: () => items[from],
    shift: () => {
      if (++from < 4096) return;
      items = items.slice(from);
      from = 0;
    },
  };
}
